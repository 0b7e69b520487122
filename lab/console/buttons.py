"""A button that does something on this page at once; ``components.act_button`` is for what asks a lane."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from lab.console.components import described


def plain_button(
    label: str, says: str, on_click: Callable[..., Any] | None = None, *, tone: str = "plain"
) -> ui.button:
    """``says`` is what it will do, for pointer and screen reader."""
    button = ui.button(label, on_click=on_click, color=None).props("no-caps unelevated dense")
    button.classes(f"act act-{tone}")
    described(button, says)
    return button
