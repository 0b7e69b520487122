"""The chosen state as a form. What is typed is taken over when the field is left, or on Enter."""

from collections.abc import Callable

from nicegui import events, ui

from lab.console.buttons import plain_button
from lab.console.headings import heading
from lab.console.studio import edits
from lab.console.studio.edits import Edited
from lab.console.studio.forms import Field, Kind, fields_of, text_of, with_example, with_field
from lab.console.studio.states import ENDINGS, Definition, State, all_states, graph_with, own_states
from lab.console.studio.workbench import Workbench

Apply = Callable[[Callable[[Definition], Edited]], None]
END = "(ends here)"


class Properties:
    """``apply`` takes an edit to the workbench and tells of what cannot be."""

    def __init__(self, bench: Workbench, apply: Apply) -> None:
        self._bench = bench
        self._apply = apply
        self._shown: tuple[str, State, tuple[str, ...]] | None = None
        self._body = ui.element("section").classes("fields").props('aria-label="The chosen state"')

    def refresh(self) -> None:
        """Drawn again only when the state is another, so that nobody loses what is being typed elsewhere."""
        name = self._bench.selected
        state = all_states(self._bench.definition).get(name)
        graph = graph_with(self._bench.definition, name)
        others = tuple(each for each in own_states(graph or {}) if each != name)
        if state is None:
            self._body.clear()
            self._shown = None
            return
        if (name, state, others) == self._shown:
            return
        self._shown = (name, state, others)
        self._body.clear()
        with self._body:
            self._form(name, state, others)

    def _form(self, name: str, state: State, others: tuple[str, ...]) -> None:
        heading(f"{name} ({state.get('Type', 'no type')})")
        self._input("Name", name, lambda text: self._apply(lambda of: edits.rename_state(of, name, text)))
        if state.get("Type") not in ENDINGS:
            self._leads_to(name, state, others)
        language = str(self._bench.definition.get("QueryLanguage", "JSONPath"))
        for field in fields_of(state, language):
            if field.kind is Kind.JSON and field.name not in state:
                continue
            self._field(name, state, field)
        with ui.element("div").classes("palette"):
            for field in fields_of(state, language):
                if field.kind is Kind.JSON and (field.name not in state or field.name == "Choices"):
                    self._add(name, state, field, others)
        says = f"Take {name} out; who led to it leads to what comes after it"
        plain_button(
            f"Remove {name}", says, lambda: self._apply(lambda of: edits.remove_state(of, name)), tone="danger"
        )

    def _leads_to(self, name: str, state: State, others: tuple[str, ...]) -> None:
        choice = state.get("Type") == "Choice"
        now = state.get("Default" if choice else "Next")
        options = [*others, *([] if choice else [END]), *([now] if isinstance(now, str) and now not in others else [])]
        value = now if isinstance(now, str) else None if choice else END

        def chosen(event: events.ValueChangeEventArguments[str | None]) -> None:
            target = event.value
            if target == END:
                self._apply(lambda of: edits.end_here(of, name))
            elif target:
                self._apply(lambda of: edits.connect(of, name, target))

        ui.select(options, value=value, label="Otherwise leads to" if choice else "Leads to", on_change=chosen)

    def _field(self, name: str, state: State, field: Field) -> None:
        def took(text: str) -> None:
            self._apply(lambda of: edits.set_state(of, name, with_field(all_states(of)[name], field, text)))

        self._input(field.name, text_of(state, field), took, says=field.says, lines=field.kind is Kind.JSON)

    def _input(
        self, label: str, text: str, took: Callable[[str], None], *, says: str = "", lines: bool = False
    ) -> None:
        typed: ui.textarea | ui.input
        if lines:
            typed = ui.textarea(label, value=text).props("outlined autogrow dense")
        else:
            typed = ui.input(label, value=text).props("outlined dense")
            typed.on("keydown.enter", lambda: took(str(typed.value or "")))
        if says:
            typed.props["hint"] = says
        typed.on("blur", lambda: took(str(typed.value or "")) if str(typed.value or "") != text else None)

    def _add(self, name: str, state: State, field: Field, others: tuple[str, ...]) -> None:
        def add() -> None:
            first = others[0] if others else name
            self._apply(lambda of: edits.set_state(of, name, with_example(all_states(of)[name], field, first)))

        label = "Add a way" if field.name == "Choices" else f"Add {field.name}"
        plain_button(label, field.says, add)
