"""A token is bound to its order and cannot be made without the secret."""

import pytest

from choreography.approvals import order_of, token_for

TOKEN = token_for("o-1", "secret")


def test_a_token_names_its_order() -> None:
    assert order_of(TOKEN, "secret") == "o-1"


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "o-1",
        "o-1.",
        TOKEN[:-1],
        TOKEN + "0",
        TOKEN.replace("o-1", "o-2"),
        token_for("o-1", "other"),
        "é.é",
        "." * 99,
    ],
)
def test_a_forged_token_names_none(forged: str) -> None:
    assert order_of(forged, "secret") is None
