"""Drawings as text, safe by construction: every attribute and every text is escaped here and nowhere else. Pure."""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is SVG already. Only ``tag`` makes it."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: object) -> Markup:
    """``tag("text", order_id, x=1, class_="name")``; an underscore becomes a hyphen, a last one is dropped."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(child if isinstance(child, Markup) else escape(child) for child in children)
    return Markup(f"<{name}{told}>{inside}</{name}>")


def drawing(width: float, height: float, title: str, parts: Iterable[Markup], **attributes: object) -> Markup:
    """A whole picture with its name for who cannot see it; it shrinks with the page and never grows beyond its size."""
    style = f"max-width:{width:g}px;width:100%;height:auto"
    return tag(
        "svg",
        tag("title", title),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_label=title,
        style=style,
        **attributes,
    )
