"""A table as one piece of markup: cheap to send again while its rows change. Everything in it is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass

from lab.console.signs import sign_of, words_of
from lab.console.svg import Markup, tag


@dataclass(frozen=True)
class Cell:
    """``link`` leads somewhere on this console; ``state``: shown by its sign; ``number``: figures of equal width, on
    one line; ``long``: a text that may be broken anywhere."""

    text: str
    link: str = ""
    state: bool = False
    number: bool = False
    long: bool = False


def table(name: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Markup:
    head = tag("tr", *(tag("th", each, scope="col") for each in heads))
    body = [tag("tr", *map(_cell, row)) for row in rows]
    caption = tag("caption", name, class_="hidden-caption")
    return tag("table", caption, tag("thead", head), tag("tbody", *body), class_="plain")


def _cell(cell: Cell) -> Markup:
    if cell.state:
        sign = sign_of(cell.text)
        content = tag("span", f"{sign.shape} {words_of(cell.text)}", class_=f"sign tone-{sign.tone}")
        return tag("td", content)
    content = tag("a", cell.text, href=cell.link) if cell.link.startswith("/") else Markup(tag("span", cell.text))
    return tag("td", content, class_="number" if cell.number else "long" if cell.long else None)
