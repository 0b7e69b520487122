"""The reaction table is the wiring: what follows from it without running anything."""

import itertools

import pytest

from choreography.events import BODIES, EventType, Failed
from choreography.reactions import (
    TABLE,
    TOLD_BY_DOOR,
    TOLD_BY_WATCH,
    hears,
    is_compensation,
    reactions_for,
    tells,
    wiring,
)
from services.operations import SERVICE_OF, UNDOES, Operation, Service
from tests.unit.choreography.samples import an_order, body_of

THRESHOLD = 50_000


def test_each_row_asks_a_service_for_its_own_operation() -> None:
    assert all(row.operation is None or SERVICE_OF[row.operation] is row.service for row in TABLE)


def test_every_operation_has_a_row() -> None:
    assert {row.operation for row in TABLE if row.operation is not None} == set(Operation)


def test_only_actions_can_fail_and_only_undos_cannot() -> None:
    assert all((row.failed is None) == is_compensation(row) for row in TABLE if row.operation is not None)


@pytest.mark.parametrize(("service", "type_"), list(itertools.product(Service, EventType)))
@pytest.mark.parametrize("total_cents", [100, THRESHOLD, THRESHOLD + 1])
@pytest.mark.parametrize("gave_up", [False, True])
def test_at_most_one_row_fits_an_event(service: Service, type_: EventType, total_cents: int, gave_up: bool) -> None:
    body = body_of(type_, an_order(total_cents=total_cents), gave_up=gave_up)
    assert len(reactions_for(service, type_, body, THRESHOLD)) <= 1


def test_every_event_told_is_heard_or_an_end() -> None:
    told = {type_ for service in Service for type_ in tells(service)} | {*TOLD_BY_DOOR, *TOLD_BY_WATCH}
    heard = {type_ for service in Service for type_ in hears(service)}
    assert told - heard == {EventType.LABEL_PRINTED, EventType.PAYMENT_REFUNDED, EventType.APPROVAL_REQUESTED}


def test_no_two_components_tell_the_same_event() -> None:
    told = [type_ for service in Service for type_ in tells(service)] + [*TOLD_BY_DOOR, *TOLD_BY_WATCH]
    assert len(told) == len(set(told))
    assert set(told) | {EventType.ATTEMPT_FAILED} == set(EventType)


def test_a_large_order_is_not_printed_before_its_approval() -> None:
    large = body_of(EventType.INVENTORY_RESERVED, an_order(total_cents=THRESHOLD))
    (row,) = reactions_for(Service.SHIPPING, EventType.INVENTORY_RESERVED, large, THRESHOLD)
    assert (row.operation, row.done) == (None, EventType.APPROVAL_REQUESTED)


def test_a_refused_reservation_is_undone_from_the_warehouse_on_an_uncertain_one_from_shipping_on() -> None:
    for gave_up, reacting in ((False, Service.WAREHOUSE), (True, Service.SHIPPING)):
        body = body_of(EventType.INVENTORY_REJECTED, an_order(), gave_up=gave_up)
        hearing = [s for s in Service if reactions_for(s, EventType.INVENTORY_REJECTED, body, THRESHOLD)]
        assert hearing == [reacting]


@pytest.mark.parametrize("undo", sorted(UNDOES))
def test_a_compensation_is_taken_out_by_name(undo: Operation) -> None:
    left = wiring({f"compensation:{undo}", "inbox"})
    assert {row.operation for row in TABLE} - {row.operation for row in left} == {undo}


def test_failures_have_failing_bodies() -> None:
    assert all(issubclass(BODIES[row.failed], Failed) for row in TABLE if row.failed is not None)
