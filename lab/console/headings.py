"""Headings, with an id where a region is named by them."""

from nicegui.elements.mixins.text_element import TextElement


def heading(text: str, id_: str | None = None, *, level: int = 2) -> TextElement:
    element = TextElement(tag=f"h{level}", text=text)
    if id_ is not None:
        element.props["id"] = id_
    return element
