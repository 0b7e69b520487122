"""What the events page says of messages: lines, filters, trees of causes, and the catalogue."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.read import Record
from choreography.events import EventType
from lab.console.bus.catalogue import catalogue
from lab.console.bus.heard import Branch, Heard, Wanted, causation, heard


def record(sequence: int, type_: str, id_: str, cause: str | None = None, body: bytes = b"{}") -> Record:
    headers = {"ce-id": id_, "ce-source": "/choreography/payment"} | ({"ce-causationid": cause} if cause else {})
    return Record("ORDERS", f"orders.o-1.{type_}", sequence, "2026-01-01T00:00:00.000Z", headers, body)


def flat(branches: tuple[Branch, ...]) -> list[Heard]:
    return [event for branch in branches for event in (branch.event, *flat(branch.caused))]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9)), max_size=15))
def test_every_event_is_in_the_tree_once_and_below_an_earlier_cause(told: list[tuple[int, int | None]]) -> None:
    events = [
        heard(record(number, "OrderPlaced", f"e{id_}", None if cause is None else f"e{cause}"))
        for number, (id_, cause) in enumerate(told, 1)
    ]
    tree = causation(events[::-1])
    assert sorted(event.sequence for event in flat(tree)) == [event.sequence for event in events]
    below = list(tree)
    for branch in below:  # grows as it is walked
        assert all(each.event.sequence > branch.event.sequence for each in branch.caused)
        below += branch.caused


def test_a_message_that_is_no_event_is_shown_as_what_it_is() -> None:
    odd = heard(Record("ORDERS", "orders.o-1", 7, "2026-01-01T00:00:00Z", {}, b"\xff<img src=x>"))
    assert (odd.type, odd.source, odd.id) == ("(unknown)", "(unknown)", "#7")
    assert isinstance(odd.content(), str)


def test_kinds_and_errors_are_read_off_an_event() -> None:
    failed = heard(record(1, "ShippingFailed", "a", body=json.dumps({"error": "Http.Unavailable"}).encode()))
    assert (failed.kind, failed.error) == ("failure", "Http.Unavailable")
    assert heard(record(2, "PaymentRefunded", "b")).kind == "undo"


def test_filters_fit_by_type_source_and_beginning_of_the_order() -> None:
    event = heard(record(1, "OrderPlaced", "a"))
    assert Wanted().fits(event)
    assert Wanted(type="OrderPlaced", order="o-", source="payment").fits(event)
    assert not Wanted(order="x").fits(event)
    assert not Wanted(type="LabelPrinted").fits(event)


def test_the_catalogue_tells_every_event_with_a_schema_that_stands_alone() -> None:
    entries = {entry.type: entry for entry in catalogue()}
    assert set(entries) == set(map(str, EventType))
    placed = entries["OrderPlaced"]
    assert placed.told_by == ("door",)
    assert placed.heard_by[0][0] == "payment"
    for entry in entries.values():
        told = json.dumps(entry.schema)
        needed = {part.split('"')[0] for part in told.split("#/components/schemas/")[1:]}
        assert needed <= set(entry.schema.get("components", {}).get("schemas", {}))
