"""The studio's page: palette, graph, text, form, problems, trying and running, around one workbench."""

from collections.abc import Callable
from typing import Final

from nicegui import ui
from starlette.requests import Request

from lab.console.buttons import plain_button
from lab.console.components import act_button, attempt, every
from lab.console.conductor import Conductor
from lab.console.context import Console
from lab.console.graphs.drawing import GraphView
from lab.console.graphs.marks import Mark
from lab.console.headings import heading
from lab.console.pages.studio.editor import TextEditor
from lab.console.pages.studio.properties import Properties
from lab.console.pages.studio.running import Running
from lab.console.pages.studio.trying import Trying
from lab.console.rooms import CONDUCTED_LANE
from lab.console.studio import edits
from lab.console.studio.edits import CannotEdit, Edited
from lab.console.studio.forms import retries_told
from lab.console.studio.palette import KINDS
from lab.console.studio.states import Definition, all_states
from lab.console.studio.workbench import Problem, Workbench
from orchestration.visibility.graph import graph_of

TICK_S: Final = 0.4
STATE: Final = "State"
TRY: Final = "Try"
NEW: Final = "a new machine"
_CARRY: Final = '(event) => event.dataTransfer.setData("text/plain", "{type}")'


class _Studio:
    def __init__(self, console: Console, conductor: Conductor) -> None:
        self._conductor = conductor
        self._bench = Workbench()
        self._checked = ""
        self._problems: list[Problem] = []
        self._top()
        with ui.element("div").classes("two"):
            with ui.element("div").classes("fields"):
                self._palette()
                self._graph = GraphView(
                    "The machine: choose, drop on, Delete removes", self._choose, self._add, self._remove
                )
                self._problem_list = ui.element("div").classes("fields").props('role="status" aria-label="Problems"')
            with ui.element("div").classes("fields"):
                self._tabs()
        self._show()

    def _top(self) -> None:
        with ui.element("div").classes("flow card"):
            self._machines = ui.select({"": NEW}, value="", label="Open", on_change=self._open).style(
                "min-width: 14rem"
            )
            self._name = ui.input("Name to publish under", value="my_machine").props("dense")
            act_button(
                "Publish",
                "Store what is drawn as a new version of the machine of this name",
                self._publish,
                tone="main",
            )
            plain_button("Undo", "Take back the last change", self._undo)
            self._verdict = ui.label().props('role="status"').classes("sign")

    def _palette(self) -> None:
        with ui.element("div").classes("palette").props('role="group" aria-label="Palette"'):
            for kind in KINDS:
                says = f"{kind.says}: add it after the chosen state, or drag it onto one"
                button = plain_button(kind.type, says, lambda kind=kind: self._add(kind.type, self._bench.selected))
                button.props["draggable"] = "true"
                button.props["aria-label"] = f"Add {kind.type}"
                button.on("dragstart", js_handler=_CARRY.format(type=kind.type))

    def _tabs(self) -> None:
        with ui.tabs(on_change=self._show_forms).props('align="left" no-caps dense') as self._forms:
            text, state = ui.tab("Text"), ui.tab(STATE)
            alone, run = ui.tab(TRY), ui.tab("Run")
        panels = ui.tab_panels(self._forms, value=text, animated=False)
        with panels.props("keep-alive").style("background: transparent"):
            with ui.tab_panel(text).style("padding: 0"):
                self._editor = TextEditor(self._bench.text, self._typed)
            with ui.tab_panel(state).style("padding: 0"):
                self._properties = Properties(self._bench, self._apply)
            with ui.tab_panel(alone).style("padding: 0"):
                self._trying = Trying(self._bench, self._conductor)
            with ui.tab_panel(run).style("padding: 0"):
                self._running = Running(self._bench, self._conductor, self._name, self._graph)

    # --- what a person does ---------------------------------------------------------------------------

    def _choose(self, state: str) -> None:
        self._bench.selected = state
        self._show()

    def _add(self, type_: str, near: str | None) -> None:
        if any(kind.type == type_ for kind in KINDS):
            self._apply(lambda of: edits.add_state(of, type_, near))

    def _remove(self, state: str) -> None:
        self._apply(lambda of: edits.remove_state(of, state))
        self._graph.focus(self._bench.selected)

    def _apply(self, change: Callable[[Definition], Edited]) -> None:
        try:
            self._bench.edit(change)
        except CannotEdit as problem:
            ui.notify(str(problem), type="warning", color="dark")
            return
        self._running.leave()
        self._show()

    def _typed(self, text: str) -> None:
        if self._bench.type(text):
            self._running.leave()
            self._show(but_text=True)

    def _undo(self) -> None:
        if self._bench.undo():
            self._show()

    async def _publish(self) -> str:
        said = await self._running.publish()
        await self.fill_machines()
        return said

    async def _open(self) -> None:
        async def act() -> None:
            arn = str(self._machines.value or "")
            if arn:
                self._bench.load(await self._conductor.definition(arn))
                self._name.set_value(arn.rpartition(":")[2].replace("order_fulfilment", "my_order_fulfilment"))
            else:
                self._bench.load(Workbench().text)
            self._running.leave()
            self._show()

        await attempt(act)

    # --- what is shown --------------------------------------------------------------------------------

    def _show(self, *, but_text: bool = False) -> None:
        definition = self._bench.definition
        retried = {name: retries_told(state) for name, state in all_states(definition).items()}
        self._graph.show(graph_of(definition), {name: told for name, told in retried.items() if told})
        self._graph.choose(self._bench.selected)
        self._mark()
        if not but_text:
            self._editor.set(self._bench.text)
        self._show_forms()

    def _show_forms(self) -> None:
        """Only what is seen: a form takes far longer to make than the graph, and everybody's clicks wait for it."""
        if self._forms.value == STATE:
            self._properties.refresh()
        elif self._forms.value == TRY:
            self._trying.refresh()

    def _mark(self) -> None:
        counts: dict[str, int] = {}
        for problem in self._problems:
            counts[problem.state] = counts.get(problem.state, 0) + problem.bad
        bad = {name: Mark(f"✗ {count} problem{'s' * (count > 1)}", "bad") for name, count in counts.items() if count}
        self._graph.mark({**self._running.marks, **bad})

    async def fill_machines(self) -> None:
        known = {machine.arn: machine.name for machine in await self._conductor.machines()}
        if self._machines.options != {"": NEW, **known}:
            self._machines.set_options({"": NEW, **known})

    async def tick(self) -> None:
        if await self._running.refresh():
            self._mark()
        if self._bench.text == self._checked:
            return
        text = self._bench.text
        problem = self._bench.typing_problem()
        found = [problem] if problem else self._bench.placed(await self._conductor.problems(text))
        if text != self._bench.text:
            return  # typed on meanwhile: the next turn asks again
        self._checked, self._problems = text, found
        self._show_problems()
        self._editor.mark(found)
        self._mark()

    def _show_problems(self) -> None:
        bad = sum(problem.bad for problem in self._problems)
        self._verdict.set_text("✓ can be published" if not bad else f"✗ {bad} problem{'s' * (bad > 1)}")
        self._verdict.classes(replace=f"sign tone-{'bad' if bad else 'good'}")
        self._problem_list.clear()
        with self._problem_list:
            if self._problems:
                heading("Problems", level=3)
            for problem in self._problems:
                self._problem(problem)

    def _problem(self, problem: Problem) -> None:
        where = f"line {problem.line}: " if problem.line else ""
        text = f"{'✗' if problem.bad else '!'} {where}{problem.message}"
        plain_button(text, "Show its place", lambda: self._go_to(problem)).props('align="left"')

    def _go_to(self, problem: Problem) -> None:
        if problem.line is not None:
            self._editor.reveal(problem.line)
        if problem.state in all_states(self._bench.definition):
            self._choose(problem.state)


async def build(console: Console, request: Request) -> None:
    if CONDUCTED_LANE not in console.backend.lanes:
        ui.label("This lab has no conductor: lane orchestration is not up.")
        return
    studio = _Studio(console, Conductor(console.backend.lane(CONDUCTED_LANE)))
    filled = False

    async def refresh() -> None:
        nonlocal filled
        if not filled:
            await studio.fill_machines()
            filled = True
        await studio.tick()

    every(TICK_S, refresh)
