"""Bodies that are no order, each with what is wrong with it and where."""

import orjson

from tests.e2e.asking import order_body

GOOD_LINE = {"sku": "MUG-1", "quantity": 2, "unit_price_cents": 500}


def bad(order_id: str, **changes: object) -> bytes:
    good = order_body(order_id, {"sku": "MUG-1", "unit_price_cents": 500}, 2)
    return orjson.dumps({name: value for name, value in {**good, **changes}.items() if value is not ...})


def with_line(order_id: str, **changes: object) -> bytes:
    return bad(order_id, lines=[GOOD_LINE, {**GOOD_LINE, **changes}], total_cents=2_000)


# What is wrong -> the body, and the path that the answer must name.
BAD_ORDERS: dict[str, tuple[bytes, str]] = {
    "a list": (b"[]", ""),
    "a null": (b"null", ""),
    "no lines": (bad("bad-1", lines=[], total_cents=0), "lines"),
    "lines missing": (bad("bad-2", lines=...), "lines"),
    "too many lines": (bad("bad-3", lines=[GOOD_LINE] * 101, total_cents=101_000), "lines"),
    "quantity as text": (with_line("bad-4", quantity="2"), "lines.1.quantity"),
    "quantity as a boolean": (with_line("bad-5", quantity=True), "lines.1.quantity"),
    "half a piece": (with_line("bad-6", quantity=1.5), "lines.1.quantity"),
    "a negative quantity": (with_line("bad-7", quantity=-1), "lines.1.quantity"),
    "no piece at all": (with_line("bad-8", quantity=0), "lines.1.quantity"),
    "a huge quantity": (with_line("bad-9", quantity=2**63 - 1), "lines.1.quantity"),
    "a quantity beyond any number": (with_line("bad-10", quantity=7).replace(b":7,", b":1" + b"0" * 400 + b","), ""),
    "an infinite quantity": (with_line("bad-11", quantity=7).replace(b":7,", b":1e999,"), "lines.1.quantity"),
    "a negative price": (with_line("bad-12", unit_price_cents=-500), "lines.1.unit_price_cents"),
    "a product that is no text": (with_line("bad-13", sku=7), "lines.1.sku"),
    "a total that does not add up": (bad("bad-14", total_cents=999), ""),
    "a negative total": (bad("bad-15", total_cents=-1_000), "total_cents"),
    "a total as text": (bad("bad-16", total_cents="1000"), "total_cents"),
    "an unknown field": (bad("bad-17", discount=100), "discount"),
    "no currency": (bad("bad-18", currency=None), "currency"),
    "a blank address": (bad("bad-19", ship_to="   "), "ship_to"),
    "an id that would be two tokens of a subject": (bad("bad.20"), "order_id"),
    "an id with a wildcard": (bad("bad-21>"), "order_id"),
    "an id that is too long": (bad("x" * 65), "order_id"),
    "no id": (bad("bad-22").replace(b'"order_id":"bad-22",', b""), "order_id"),
}
MALFORMED = {
    "nothing": b"",
    "no JSON": b"{",
    "not even text": b"\xff\xfe{}",
    "half a character": b'{"order_id": "\\ud800"}',
    "too deep": b"[" * 100_000,
    "two values": b"{} {}",
}
WRONG_TYPES = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
