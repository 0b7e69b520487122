"""The machine as text: an editor in which each problem is marked in its line."""

from collections.abc import Callable, Sequence

from nicegui import events, ui

from lab.console.studio.workbench import Problem

NAME = "State machine as text (Amazon States Language)"


class TextEditor:
    def __init__(self, text: str, typed: Callable[[str], None]) -> None:
        self._typed = typed
        self._setting = False
        self._area = ui.codemirror(
            text, language="JSON", theme="vscodeLight", line_wrapping=True, indent="  ", on_change=self._changed
        )
        self._area.classes("editor")
        ui.label("Escape, then Tab, leaves the text.").classes("quiet")
        ui.run_javascript(
            f"(async () => {{ const editor = getElement({self._area.id}); await editor.editorPromise;"
            f" editor.$el.querySelector('.cm-content').setAttribute('aria-label', '{NAME}'); }})()"
        )

    def set(self, text: str) -> None:
        if text != self._area.value:
            self._setting = True
            self._area.set_value(text)
            self._setting = False

    def mark(self, problems: Sequence[Problem]) -> None:
        lines = sorted({each.line for each in problems if each.line is not None})
        last = (self._area.value or "").count("\n") + 1
        wanted = [{"kind": "line", "line": line, "class": "problem-line"} for line in lines if line <= last]
        if wanted != list(self._area.decorations):
            self._area.decorations = wanted

    def reveal(self, line: int) -> None:
        self._area.reveal_line(line)

    def _changed(self, event: events.ValueChangeEventArguments[str]) -> None:
        if not self._setting:
            self._typed(event.value or "")
