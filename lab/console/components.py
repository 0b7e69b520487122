"""Parts that every page is made of: signs, JSON, buttons that say what they will do, and refreshing.

Whatever comes from an order is set as text. Nothing here takes HTML from anybody.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from nicegui import ui
from nicegui.events import GenericEventArguments

from lab.console.signs import sign_of, words_of
from lab.console.svg import Markup
from lab.errors import LabError

MAX_JSON: Final = 20_000
FAULT: Final = "a fault of the console itself, told in its log"
Act = Callable[[], Awaitable[str | None]]


def status_sign(state: str, *, prefix: str = "") -> ui.label:
    """Shape, word and colour; ``set_sign`` changes it."""
    label = ui.label().classes("sign")
    set_sign(label, state, prefix=prefix)
    return label


def set_sign(label: ui.label, state: str, *, prefix: str = "") -> None:
    sign = sign_of(state)
    text = f"{sign.shape} {prefix}{words_of(state)}"
    if label.text != text:
        label.set_text(text)
        label.classes(replace=f"sign tone-{sign.tone}")


def lane_title(lane: str) -> ui.label:
    """A lane's name behind its own mark."""
    return ui.label(lane).classes(f"lane-title lane-{lane}")


def json_view(value: Any, name: str, *, opened: bool = False) -> None:
    """A value that can be folded away; as text, whatever it holds."""
    text = pretty(value)
    with ui.element("details").classes("json").props("open" if opened else ""):
        with ui.element("summary"):
            ui.label(name)
        block = ui.element("pre").props('tabindex="0"').props(f'aria-label="{_plain(name)}"')
        with block:
            ui.label(text)


def pretty(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_JSON else f"{text[:MAX_JSON]}\n… {len(text) - MAX_JSON} characters more"


def _plain(text: str) -> str:
    """For a property, in which a quotation mark would end it."""
    return text.replace('"', "'").replace("\\", "")


def picture(content: Markup | None = None) -> ui.html:
    """A drawing of ``svg``'s; ``set_picture`` redraws it."""
    return ui.html(content or "", sanitize=False).classes("picture")


def set_picture(at: ui.html, content: Markup) -> None:
    if at.content != content:
        at.set_content(content)


def act_button(label: str, says: str, act: Act, *, tone: str = "plain") -> ui.button:
    """Does it at once. ``says`` is what it will do, for pointer and screen reader; ``act`` may tell what was done."""
    button = _button(label, tone)
    described(button, says)

    async def run() -> None:
        button.disable()
        try:
            await attempt(act)
        finally:
            if not button.is_deleted:
                button.enable()

    button.on_click(run)
    return button


def confirm_button(label: str, says: str, act: Act, *, tone: str = "danger") -> ui.button:
    """Asks first, in a dialog that says what it will do."""
    button = _button(label, tone)
    described(button, says)

    def ask() -> None:
        with ui.dialog() as dialog, ui.card().props('role="alertdialog"').props(f'aria-label="{_plain(label)}"'):
            ui.label(says)
            with ui.row():
                _button("Cancel", "plain").on_click(dialog.close)
                _button(label, tone).on_click(lambda: confirmed(dialog))
        dialog.on("hide", dialog.delete)
        dialog.open()

    async def confirmed(dialog: ui.dialog) -> None:
        dialog.close()
        await attempt(act)

    button.on_click(ask)
    return button


def _button(label: str, tone: str) -> ui.button:
    return ui.button(label, color=None).props("no-caps unelevated dense").classes(f"act act-{tone}")


class RangeInput:
    """The browser's own slider: its keys and its name work for everybody. ``on_change`` comes once it is let go."""

    def __init__(
        self, name: str, most: float, step: float, value: float, on_change: Callable[[float], Awaitable[None]]
    ) -> None:
        self.element = ui.element("input").classes("range")
        self.element.props.update(
            {"type": "range", "min": 0, "max": most, "step": step, "value": value, "aria-label": name}
        )

        async def changed(event: GenericEventArguments) -> None:
            self.element.props["value"] = event.args
            await on_change(float(event.args))

        self.element.on("change", changed, js_handler="(event) => emit(event.target.value)")

    def show(self, value: float) -> None:
        if float(self.element.props["value"]) != value:
            self.element.props["value"] = value
            self.element.update()


def described(element: ui.element, says: str) -> None:
    """What a control will do: shown beside the pointer, told to a screen reader."""
    element.props(f'aria-description="{_plain(says)}" title="{_plain(says)}"')


async def attempt(act: Act) -> None:
    """Do it, and say what was done or why not; also where the button itself is gone by then."""
    page = ui.context.client
    try:
        said = await act()
    except LabError as error:
        with page:
            ui.notify(str(error), type="negative", multi_line=True, close_button="Close")
        return
    except Exception as error:
        with page:
            ui.notify(f"{FAULT}: {type(error).__name__}", type="negative", close_button="Close")
        raise
    if said:
        with page:
            ui.notify(said, type="positive", color="dark")


def every(seconds: float, refresh: Callable[[], Awaitable[None]]) -> ui.timer:
    """Call it now and again while the page is open. Where the lanes give no answer the page says so, and goes on."""
    trouble = ui.label().classes("trouble").props('role="status"')
    trouble.set_visibility(False)

    async def run() -> None:
        try:
            await refresh()
            told = ""
        except LabError as error:
            told = f"✗ {error}"
        except Exception as error:
            tell(f"✗ {FAULT}: {type(error).__name__}")
            raise
        tell(told)

    def tell(told: str) -> None:
        if trouble.text != told:
            trouble.set_text(told)
            trouble.set_visibility(bool(told))

    return ui.timer(seconds, run)
