"""Which orders are due, from events and times alone."""

from choreography.deadlines import Deadlines
from choreography.events import EventType
from choreography.status import Told

E = EventType


def tell(order_id: str, type_: EventType, at: float) -> Told:
    return Told(order_id, type_, int(at), at)


def test_an_order_is_due_after_its_last_news() -> None:
    deadlines = Deadlines(10, 1000)
    deadlines.hear(tell("a", E.ORDER_PLACED, 0))
    deadlines.hear(tell("b", E.ORDER_PLACED, 1))
    deadlines.hear(tell("a", E.PAYMENT_CHARGED, 5))
    assert deadlines.next_at() == 11
    assert deadlines.due(10.9) == []
    assert deadlines.due(11) == ["b"]
    assert deadlines.due(20) == ["b", "a"]


def test_a_failed_attempt_is_news_too() -> None:
    deadlines = Deadlines(10, 1000)
    deadlines.hear(tell("a", E.ORDER_PLACED, 0))
    deadlines.hear(tell("a", E.ATTEMPT_FAILED, 8))
    assert deadlines.due(17) == []


def test_an_ended_order_is_forgotten() -> None:
    deadlines = Deadlines(10, 1000)
    for n, type_ in enumerate((E.ORDER_PLACED, E.PAYMENT_DECLINED)):
        deadlines.hear(tell("a", type_, n))
    assert deadlines.next_at() is None


def test_a_manager_is_given_longer() -> None:
    deadlines = Deadlines(10, 1000)
    for n, type_ in enumerate((E.ORDER_PLACED, E.APPROVAL_REQUESTED)):
        deadlines.hear(tell("a", type_, n))
    deadlines.hear(tell("b", E.ORDER_PLACED, 2))
    assert deadlines.due(100) == ["b"]
    assert deadlines.due(1001) == ["b", "a"]


def test_after_a_start_everyone_gets_time_to_speak() -> None:
    deadlines = Deadlines(10, 1000)
    deadlines.hear(tell("a", E.ORDER_PLACED, 0))
    deadlines.not_before = 50
    assert deadlines.next_at() == 50
    assert deadlines.due(49) == []
    assert deadlines.due(50) == ["a"]


def test_looked_at_in_vain_it_is_looked_at_again_later() -> None:
    deadlines = Deadlines(10, 1000)
    deadlines.hear(tell("a", E.ORDER_PLACED, 0))
    deadlines.postpone("a", 10)
    assert deadlines.due(19) == []
    assert deadlines.due(20) == ["a"]
