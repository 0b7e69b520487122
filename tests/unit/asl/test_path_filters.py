"""Filters and functions of paths."""

from typing import Any

import pytest

from orchestration.asl.errors import PathNotFound, PathSyntaxError
from orchestration.asl.paths import Env, parse_path

BOOKS: dict[str, Any] = {
    "books": [
        {"price": 5, "tags": ["new", "short"], "title": "Abc"},
        {"price": 15, "author": {"name": "x"}, "tags": []},
        {"price": None},
        3,
    ],
    "limit": 10,
    "wanted": list(range(100)),
    "owner": {"name": "x"},
}


def found(text: str) -> Any:
    return parse_path(text).read(BOOKS, Env(dict, {}))


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("$.books[?(@.price < 10)].price", [5]),
        ("$.books[?(@.price < $.limit)].price", [5]),
        ("$.books[?(@.price == 5 || @.price >= 15)].price", [5, 15]),
        ("$.books[?(!@.price)]", [3]),
        ("$.books[?(@.author)].price", [15]),
        ("$.books[?(@.author.name == 'x' && @.price > 10)].price", [15]),
        ("$.books[?((@.price == 5 || @.price == 15) && !(@.author))].price", [5]),
        ("$.books[?(@.price == null)]", [{"price": None}]),
        ("$.books[?(@.price != 5)].price", [15, None]),
        ("$.books[?(@.tags contains 'new')].price", [5]),
        ("$.books[?('new' in @.tags)].price", [5]),
        ("$.books[?(@.price in [5, 7])].price", [5]),
        ("$.books[?(@.price nin [5, 7])].price", [15, None]),
        ("$.books[?(@.price in $.wanted)].price", [5, 15]),
        ("$.books[?(@.tags size 2)].price", [5]),
        ("$.books[?(@.tags empty true)].price", [15]),
        ("$.books[?(@.tags subsetof ['new', 'short', 'old'])].price", [5, 15]),
        ("$.books[?(@.tags anyof ['new'])].price", [5]),
        ("$.books[?(@.tags noneof ['new'])].price", [15]),
        ("$.books[?(@.title =~ /a.*/i)].price", [5]),
        ("$.books[?(@['price'] <= 5)].price", [5]),
        ("$.books[?(@ == 3)]", [3]),
        ("$..[?(@.name == 'x')]", [{"name": "x"}, {"name": "x"}]),
        ("$.owner[?(@.name == 'x')]", [{"name": "x"}]),
        ("$.limit[?(@ == 10)]", []),
        ("$.books.length()", 4),
        ("$.books[0:2].price.sum()", 20),
        ("$.owner.keys()", ["name"]),
    ],
)
def test_what_a_filter_selects(path: str, result: Any) -> None:
    assert found(path) == result


@pytest.mark.parametrize(
    "path",
    [
        "$.a[?(",
        "$.a[?()]",
        "$.a[?(@.b < )]",
        "$.a[?(@.b ~ 1)]",
        "$.a[?(@.b == 'x)]",
        "$.a[?(@.b in [1)]",
        "$.a[?(@.b =~ /(/)]",
        "$.a[?(@.b =~ /(?=a)/)]",
        "$.a[?(@.b in $.c[*])]",
        "$.a[?($.list anyof @.b)]",
        "$.a[?" + "(" * 500 + "@.b" + ")" * 500 + "]",
        "$.a[?" + "!" * 500 + "@.b]",
    ],
)
def test_what_is_no_filter_is_refused(path: str) -> None:
    with pytest.raises(PathSyntaxError):
        parse_path(path)


def test_a_function_of_the_wrong_value_finds_nothing() -> None:
    with pytest.raises(PathNotFound):
        found("$.limit.length()")
    with pytest.raises(PathNotFound):
        found("$.books.max()")
