"""Pages of a list: together they are the list, and a token that we did not make is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.api.errors import ApiError
from orchestration.api.paging import Pages

PAGES = Pages("secret")


@given(st.sets(st.text(max_size=8)), st.integers(min_value=1, max_value=7))
def test_the_pages_together_are_the_list(names: set[str], size: int) -> None:
    items, found, token = sorted(names), [], None
    while True:
        request: dict[str, Any] = {"maxResults": size} if token is None else {"maxResults": size, "nextToken": token}
        page, token = PAGES.page("list", items, request, str)
        assert len(page) <= size
        found += page
        if token is None:
            break
    assert found == items


@pytest.mark.parametrize(
    "token", ["", "x", "====", "é", "AAAAAAAAAAAA", Pages("other").token("list", 1), PAGES.token("another list", 1)]
)
def test_a_token_that_is_not_of_this_list_is_refused(token: str) -> None:
    with pytest.raises(ApiError) as caught:
        PAGES.cursor("list", token)
    assert caught.value.code == "InvalidToken"


stored_numbers = st.integers(min_value=-(2**53), max_value=2**53)


@given(stored_numbers | st.lists(stored_numbers) | st.text())
def test_a_token_gives_its_cursor_back(cursor: Any) -> None:
    assert PAGES.cursor("list", PAGES.token("list", cursor)) == cursor
