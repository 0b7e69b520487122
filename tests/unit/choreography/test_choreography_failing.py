"""After a failure: the numbers of section 3, and nothing else, decide."""

import pytest

from choreography.failing import GiveUp, LeaveUnacknowledged, RetryRules, TryAgain, after_failure
from services.errors import KeyReused, LedgerUnavailable, NoAnswer, Unavailable
from services.operations import Operation
from services.practices import PRESETS

HARDENED = RetryRules(PRESETS["hardened"], time_scale=1.0, call_timeout_s=10.0)
NAIVE = RetryRules(PRESETS["naive"], time_scale=1.0, call_timeout_s=10.0)


def unavailable(attempt: int) -> Unavailable:
    return Unavailable("broken", kind="error", attempt=attempt)


@pytest.mark.parametrize(("attempt", "wait_s"), [(1, 1.5), (2, 3.0), (3, 6.0)])
def test_three_retries_with_growing_waits(attempt: int, wait_s: float) -> None:
    decision = after_failure(unavailable(attempt), Operation.CHARGE, deliveries=9, u=0.5, rules=HARDENED)
    assert decision == TryAgain(wait_s, attempt)


def test_then_it_gives_up() -> None:
    decision = after_failure(unavailable(4), Operation.CHARGE, deliveries=4, u=0.5, rules=HARDENED)
    assert decision == GiveUp(4, certain=False)


def test_an_undo_is_tried_for_ever_with_capped_waits() -> None:
    decision = after_failure(unavailable(1000), Operation.REFUND, deliveries=1, u=1.0, rules=HARDENED)
    assert decision == TryAgain(60.0, 1000)


def test_without_retries_there_is_one_try() -> None:
    for operation in Operation:
        decision = after_failure(unavailable(1), operation, deliveries=1, u=0.5, rules=NAIVE)
        assert decision == GiveUp(1, certain=False)


def test_a_lost_acknowledgement_is_left_to_the_broker() -> None:
    lost = NoAnswer("lost", kind="lost_reply", attempt=4)
    for rules in (HARDENED, NAIVE):
        assert after_failure(lost, Operation.CHARGE, deliveries=1, u=0.5, rules=rules) == LeaveUnacknowledged()


def test_a_hang_costs_the_call_timeout_as_well() -> None:
    hang = NoAnswer("hang", kind="hang", attempt=1)
    decision = after_failure(hang, Operation.CHARGE, deliveries=1, u=0.5, rules=HARDENED)
    assert decision == TryAgain(11.5, 1)


def test_where_the_service_could_not_count_the_deliveries_do() -> None:
    down = LedgerUnavailable("no database")
    assert after_failure(down, Operation.CHARGE, deliveries=2, u=0.5, rules=HARDENED) == TryAgain(3.0, 2)
    assert isinstance(after_failure(down, Operation.CHARGE, deliveries=4, u=0.5, rules=HARDENED), GiveUp)


def test_a_reused_key_fails_for_certain() -> None:
    decision = after_failure(KeyReused("other body"), Operation.REFUND, deliveries=1, u=0.5, rules=HARDENED)
    assert decision == GiveUp(1, certain=True)
