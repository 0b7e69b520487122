"""JSON texts that clients send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.api.payloads import MAX_DEPTH, BadPayload, json_text, parsed

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_what_is_told_is_what_was_sent(value: object) -> None:
    assert parsed(json_text(value)) == value


@pytest.mark.parametrize("text", ["", "{", "nul", "NaN", '{"a":1}}', "'a'", '"\ud800"', "[" * 100_000])
def test_a_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(BadPayload):
        parsed(text)


def test_nesting_has_a_limit() -> None:
    parsed("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(BadPayload, match="nested"):
        parsed("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))


def test_many_short_brackets_are_not_deep() -> None:
    parsed("[" + ",".join(["{}"] * 10_000) + "]")
