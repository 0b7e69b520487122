"""The live judge says of ended orders what the auditor says, and of moving ones only what cannot become right."""

from hypothesis import given
from hypothesis import strategies as st

from lab.auditor import Anomaly, Effect, StockLevel
from lab.live.books import BY_ORDER, LiveBooks
from services.operations import Operation
from tests.judge_ledgers import SKU, Ledgers, order

ORDERS = ("o1", "o2", "o3")


def effects_of(ledgers: Ledgers) -> list[Effect]:
    return [row for rows in ledgers.rows.values() for row in rows]


def live(ledgers: Ledgers, ends: dict[str, str] | None = None) -> LiveBooks:
    books = LiveBooks({SKU: StockLevel(ledgers.seeded, ledgers.seeded)})
    books.hear_effects(effects_of(ledgers))
    books.hear_ends(ends or {})
    return books


@given(
    done=st.lists(st.tuples(st.sampled_from(ORDERS), st.sampled_from(list(Operation))), max_size=25),
    stories=st.tuples(*[st.sampled_from(["fulfilled", "rolled_back", "failed"])] * len(ORDERS)),
    seeded=st.sampled_from([3, 100]),
)
def test_of_ended_orders_it_says_what_the_auditor_says(
    done: list[tuple[str, Operation]], stories: tuple[str, ...], seeded: int
) -> None:
    ledgers = Ledgers(seeded=seeded)
    for order_id, operation in done:
        ledgers.do(operation, order_id=order_id)
    ends = dict(zip(ORDERS, stories, strict=True))
    judged = ledgers.audit(*(order(order_id) for order_id in ORDERS), stories=dict(ends))
    found = live(ledgers, ends).figures(stuck=0)
    expected = {kind: judged.tallies[kind].count if kind in judged.tallies else 0 for kind in BY_ORDER}
    assert {kind: found.anomalies[kind] for kind in BY_ORDER} == expected
    assert found.open_books == judged.outcome_counts()["open"]


@given(st.lists(st.tuples(st.sampled_from(ORDERS), st.sampled_from(list(Operation))), max_size=25), st.data())
def test_in_which_portions_the_news_comes_does_not_matter(
    done: list[tuple[str, Operation]], data: st.DataObject
) -> None:
    ledgers = Ledgers()
    for order_id, operation in done:
        ledgers.do(operation, order_id=order_id)
    effects = effects_of(ledgers)
    cut = data.draw(st.integers(0, len(effects)))
    halves = LiveBooks({SKU: StockLevel(100, 100)})
    halves.hear_effects(effects[:cut])
    halves.hear_effects(effects[cut:])
    assert halves.figures(stuck=0) == live(ledgers).figures(stuck=0)


def test_an_order_on_its_way_is_open_and_no_anomaly() -> None:
    found = live(Ledgers().do("charge")).figures(stuck=0)
    assert not any(found.anomalies.values())
    assert (found.open_books, found.cents_at_risk) == (1, 1000)


def test_a_second_charge_is_told_before_the_order_has_ended() -> None:
    found = live(Ledgers().do("charge", "charge")).figures(stuck=0)
    assert {kind for kind, count in found.anomalies.items() if count} == {Anomaly.DOUBLE_CHARGE}


def test_an_order_that_is_mended_later_is_no_anomaly_any_more() -> None:
    books = live(Ledgers().do("charge"), {"o1": "failed"})
    assert books.figures(stuck=0).anomalies[Anomaly.CHARGED_NOT_SHIPPED] == 1
    books.hear_effects([Effect(2, "o1", "refund", 1000)])
    books.hear_ends({"o1": "rolled_back"})
    assert not any(books.figures(stuck=0).anomalies.values())


def test_what_the_lane_was_asked_for_is_passed_on() -> None:
    found = live(Ledgers().do("charge")).figures(stuck=3, strangers={"o1"})
    assert (found.anomalies[Anomaly.STUCK], found.anomalies[Anomaly.PHANTOM]) == (3, 1)


def test_a_label_that_is_read_before_its_reservation_is_no_alarm() -> None:
    books = LiveBooks({SKU: StockLevel(100, 100)})
    books.hear_effects([Effect(1, "o1", "charge", 1000), Effect(1, "o1", "print_label")])
    assert books.wrong() == {}
    books.hear_ends({"o1": "fulfilled"})
    assert Anomaly.OVERSOLD in books.wrong()["o1"]


def test_what_is_forgotten_is_counted_no_more_and_what_is_wrong_is_never_forgotten() -> None:
    books = LiveBooks({SKU: StockLevel(100, 100)}, remember=1)
    for number in range(4):
        books.hear_effects([Effect(number, f"wrong-{number}", "charge", 1000)])
        books.hear_ends({f"wrong-{number}": "failed", f"well-{number}": "rolled_back"})
    assert list(books.wrong()) == [f"wrong-{number}" for number in range(4)]
    assert [books.ended(f"well-{number}") for number in range(4)] == [None, None, None, "rolled_back"]
    assert (books.figures().open_books, books.figures().cents_at_risk) == (4, 4000)
