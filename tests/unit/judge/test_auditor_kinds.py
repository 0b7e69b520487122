"""A hand-made ledger for every kind of anomaly: what it looks like, and what looks like it but is not."""

import pytest

from lab.auditor import DEFINITIONS, Anomaly, Audit, Evidence, audit
from tests.judge_ledgers import PIECES, TOTAL, Ledgers, order


def kinds(found: Audit) -> set[str]:
    return {kind.value for kind in found.tallies}


def test_a_fulfilled_order_is_clean() -> None:
    found = Ledgers().fulfil().audit(stories={"o1": "fulfilled"})
    assert found.clean
    assert found.outcome_counts() == {"fulfilled": 1, "rolled_back": 0, "open": 0}


def test_an_order_undone_after_every_step_is_clean() -> None:
    ledgers = Ledgers().fulfil().do("void_label", "release", "refund")
    found = ledgers.audit(stories={"o1": "rolled_back"})
    assert found.clean
    assert found.outcome_counts()["rolled_back"] == 1


def test_a_declined_order_leaves_no_effect_and_is_clean() -> None:
    assert Ledgers().audit(stories={"o1": "rolled_back"}).clean


def test_no_orders_at_all_are_clean() -> None:
    assert audit(Evidence((), {}, {}, (), {})).clean


def test_charged_not_shipped() -> None:
    found = Ledgers().do("charge").audit(stories={"o1": "failed"})
    assert kinds(found) == {"charged_not_shipped"}
    assert not found.money.conserved


def test_charged_not_shipped_when_the_refund_is_too_small() -> None:
    found = Ledgers().do("charge").do("refund", cents=TOTAL - 1).audit(stories={"o1": "failed"})
    assert kinds(found) == {"charged_not_shipped"}
    assert found.tallies[Anomaly.CHARGED_NOT_SHIPPED].worst_cents == 1


def test_shipped_not_paid() -> None:
    found = Ledgers().do("reserve", "print_label").audit(stories={"o1": "failed"})
    assert kinds(found) == {"shipped_not_paid"}


def test_shipped_not_paid_when_the_charge_was_refunded() -> None:
    found = Ledgers().fulfil().do("refund").audit(stories={"o1": "failed"})
    assert kinds(found) == {"shipped_not_paid"}


def test_shipped_not_paid_when_the_charge_is_too_small() -> None:
    assert kinds(Ledgers().fulfil(cents=TOTAL - 1).audit(stories={"o1": "fulfilled"})) == {"shipped_not_paid"}


def test_stock_leaked() -> None:
    found = Ledgers().do("charge", "reserve", "refund").audit(stories={"o1": "failed"})
    assert kinds(found) == {"stock_leaked"}
    assert not found.stock.conserved
    assert found.tallies[Anomaly.STOCK_LEAKED].worst_cents == TOTAL


def test_stock_leaked_by_a_reservation_of_more_than_was_ordered() -> None:
    found = Ledgers().fulfil(pieces=PIECES + 1).audit(stories={"o1": "fulfilled"})
    assert kinds(found) == {"stock_leaked"}


def test_double_charge() -> None:
    found = Ledgers().fulfil().do("charge").audit(stories={"o1": "fulfilled"})
    assert kinds(found) == {"double_charge"}
    assert found.tallies[Anomaly.DOUBLE_CHARGE].worst_cents == TOTAL


def test_double_charge_stays_one_when_the_excess_was_refunded() -> None:
    assert kinds(Ledgers().fulfil().do("charge", "refund").audit(stories={"o1": "fulfilled"})) == {"double_charge"}


def test_double_charge_by_one_charge_of_too_much() -> None:
    assert kinds(Ledgers().fulfil(cents=TOTAL + 1).audit(stories={"o1": "fulfilled"})) == {"double_charge"}


def test_double_refund() -> None:
    found = Ledgers().do("charge", "refund", "refund").audit(stories={"o1": "rolled_back"})
    assert kinds(found) == {"double_refund"}
    assert found.tallies[Anomaly.DOUBLE_REFUND].worst_cents == TOTAL


def test_double_refund_by_one_refund_of_too_much() -> None:
    found = Ledgers().do("charge").do("refund", cents=TOTAL + 1).audit(stories={"o1": "rolled_back"})
    assert kinds(found) == {"double_refund"}


def test_two_charges_and_two_refunds_are_no_double_refund() -> None:
    found = Ledgers().do("charge", "charge", "refund", "refund").audit(stories={"o1": "rolled_back"})
    assert kinds(found) == {"double_charge"}


def test_double_reserve() -> None:
    found = Ledgers().fulfil().do("reserve").audit(stories={"o1": "fulfilled"})
    assert kinds(found) == {"double_reserve"}
    assert not found.stock.conserved


def test_double_label() -> None:
    assert kinds(Ledgers().fulfil().do("print_label").audit(stories={"o1": "fulfilled"})) == {"double_label"}


def test_double_label_stays_one_when_the_excess_was_voided() -> None:
    ledgers = Ledgers().fulfil().do("print_label", "void_label")
    assert kinds(ledgers.audit(stories={"o1": "fulfilled"})) == {"double_label"}


@pytest.mark.parametrize("undo", ["refund", "release", "void_label"])
def test_undo_without_do(undo: str) -> None:
    assert "undo_without_do" in kinds(Ledgers().do(undo).audit(stories={"o1": "rolled_back"}))


def test_undo_without_do_when_the_undo_came_first() -> None:
    found = Ledgers().do("void_label", "print_label", "charge", "reserve").audit(stories={"o1": "fulfilled"})
    assert kinds(found) == {"undo_without_do"}


def test_undo_without_do_by_releasing_more_than_was_reserved() -> None:
    ledgers = Ledgers().do("charge", "reserve", "refund").do("release", pieces=PIECES + 1)
    assert kinds(ledgers.audit(stories={"o1": "rolled_back"})) == {"undo_without_do"}


def test_oversold() -> None:
    ledgers = Ledgers(seeded=PIECES).fulfil("o1").fulfil("o2")
    found = ledgers.audit(order("o1"), order("o2"), stories={"o1": "fulfilled", "o2": "fulfilled"})
    assert kinds(found) == {"oversold"}
    assert found.tallies[Anomaly.OVERSOLD].first == "o2"


def test_a_release_makes_room_again() -> None:
    ledgers = Ledgers(seeded=PIECES).roll_back("o1").fulfil("o2")
    assert ledgers.audit(order("o1"), order("o2"), stories={"o1": "rolled_back", "o2": "fulfilled"}).clean


def test_oversold_by_shipping_what_was_never_set_aside() -> None:
    assert kinds(Ledgers().do("charge", "print_label").audit(stories={"o1": "failed"})) == {"oversold"}


def test_lost() -> None:
    assert kinds(Ledgers().audit(stories={"o1": None})) == {"lost"}


def test_an_unanswered_order_without_a_trace_is_not_lost() -> None:
    found = Ledgers().fulfil().audit(order("o1"), stories={"o1": "fulfilled", "o2": None}, unanswered=(order("o2"),))
    assert found.clean
    assert found.orders == 1


def test_an_unanswered_order_with_effects_that_the_lane_knows_nothing_of_is_lost() -> None:
    ledgers = Ledgers().fulfil("o1").do("charge", order_id="o2")
    found = ledgers.audit(order("o1"), stories={"o1": "fulfilled", "o2": None}, unanswered=(order("o2"),))
    assert kinds(found) == {"lost", "charged_not_shipped"}


@pytest.mark.parametrize("story", ["in_progress", "waiting_for_approval", "undoing", "parked"])
def test_stuck(story: str) -> None:
    assert kinds(Ledgers().audit(stories={"o1": story})) == {"stuck"}


def test_stuck_by_the_books_where_no_story_is_given() -> None:
    assert kinds(Ledgers().do("charge").audit()) == {"stuck", "charged_not_shipped"}


def test_phantom() -> None:
    found = Ledgers().fulfil("o1").fulfil("ghost").audit(stories={"o1": "fulfilled"})
    assert kinds(found) == {"phantom"}
    assert found.tallies[Anomaly.PHANTOM].first == "ghost"


@pytest.mark.parametrize(
    ("story", "effects"),
    [
        ("fulfilled", ("charge", "reserve")),
        ("fulfilled", ()),
        ("rolled_back", ("charge", "reserve", "print_label")),
        ("rolled_back", ("charge",)),
        ("failed", ("charge", "reserve", "print_label")),
    ],
)
def test_story_mismatch(story: str, effects: tuple[str, ...]) -> None:
    assert "story_mismatch" in kinds(Ledgers().do(*effects).audit(stories={"o1": story}))


def test_a_lane_that_says_failed_claims_no_clean_books() -> None:
    assert "story_mismatch" not in kinds(Ledgers().do("charge", "reserve").audit(stories={"o1": "failed"}))


def test_every_kind_is_defined() -> None:
    assert set(DEFINITIONS) == set(Anomaly)
    assert all(DEFINITIONS.values())
