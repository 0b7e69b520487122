"""Experiments: start one, watch its phases, open its report, compare two."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from nicegui import ui
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from lab.console.components import act_button, confirm_button, every
from lab.console.context import Console
from lab.console.headings import heading
from lab.console.pages import Page
from lab.errors import BadInput
from lab.experiment.store import TRIALS, experiments, find, load_manifest
from lab.scenario import known_scenarios, load_scenario

# Beside a running lab's own ports.
PORTS_BESIDE: Final = 100
REPORT: Final = Path("report", "report.html")
Facts = tuple[str, int, bool, str]
# A report is a document: it may draw, and do nothing else.
REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data: 'self'; font-src data:; sandbox"


def routes(console: Console) -> None:
    """Reports as they were written."""

    @console.app.get("/reports/{name}")
    async def report(name: str) -> Response:
        try:
            page = find(_home(console), name) / REPORT
        except BadInput as error:
            return PlainTextResponse(str(error), 404)
        if Path(name).name != name or not page.is_file():
            return PlainTextResponse("there is no report of this experiment", 404)
        return FileResponse(page, media_type="text/html", headers={"content-security-policy": REPORT_POLICY})


def _home(console: Console) -> Path:
    if console.settings.home is None:
        raise BadInput("this console was not told where results are kept")
    return console.settings.home


async def build(console: Console, request: Request) -> None:
    if console.settings.home is None:
        ui.label("This console runs beside a lab that keeps no results here: use lab run on the machine itself.")
        return
    with ui.element("div").classes("lanes"):
        _Starting(console, _home(console))
        _Results(console, _home(console))


class _Starting:
    """The form, and the last lines of the command under way."""

    def __init__(self, console: Console, home: Path) -> None:
        self._console, self._home = console, home
        with ui.element("section").classes("card").props('aria-label="Start an experiment"'):
            heading("Start an experiment")
            names = _scenarios()
            self._scenario = ui.select(names, label="Scenario", value=next(iter(names))).props("outlined dense")
            self._quick = ui.switch("Quick: two blocks, a look and not a result", value=True)
            ui.label(
                "It runs lanes of its own, one at a time; a load on the stage meanwhile would disturb its figures."
            ).classes("quiet")
            with ui.element("div").classes("flow"):
                act_button("Start", "Runs the scenario through each lane, one at a time", self._start, tone="main")
                confirm_button(
                    "Stop it", "Stops the command under way; trials that are done are kept.", self._stop, tone="danger"
                )
            with ui.element("pre").classes("output").props('tabindex="0" aria-label="What the command says"'):
                self._output = ui.label("Nothing is under way.")
        every(1.0, self._refresh)

    async def _start(self) -> str:
        ports = f"--port-base={self._console.settings.port + PORTS_BESIDE}"
        quick = ["--quick"] if self._quick.value else []
        await self._console.jobs.start(["run", str(self._scenario.value), *quick, f"--home={self._home}", ports])
        return "started"

    async def _stop(self) -> str:
        await self._console.jobs.stop()
        return "stopped"

    async def _refresh(self) -> None:
        text = "\n".join(self._console.jobs.lines) or "Nothing is under way."
        if self._output.text != text:
            self._output.set_text(text)


class _Results:
    """What was run, newest first."""

    def __init__(self, console: Console, home: Path) -> None:
        self._console, self._home = console, home
        self._seen: list[Facts] = []
        self._chosen: set[str] = set()
        with ui.element("section").classes("card").props('aria-label="Results"'):
            heading("Results")
            act_button(
                "Compare the two that are ticked", "Holds two experiments together, measure by measure", self._compare
            )
            self._list = ui.element("div").classes("runs")
        every(2.0, self._refresh)

    async def _compare(self) -> None:
        if len(self._chosen) != 2:
            raise BadInput("tick exactly two experiments")
        await self._console.jobs.start(["compare", *sorted(self._chosen), f"--home={self._home}"])

    async def _refresh(self) -> None:
        found = await asyncio.to_thread(_all_facts, self._home)
        if found == self._seen and self._list.slots["default"].children:
            return
        self._seen = found
        self._list.clear()
        with self._list:
            for name, trials, reported, problem in found:
                self._row(name, trials, reported) if not problem else ui.label(f"✗ {name}: {problem}")
            if not found:
                ui.label("None yet. Start one here, or with lab run.").classes("quiet")

    def _row(self, name: str, trials: int, reported: bool) -> None:
        with ui.element("div").classes("flow"):
            box = ui.checkbox(name, value=name in self._chosen)
            box.on_value_change(lambda: self._chosen.add(name) if box.value else self._chosen.discard(name))
            ui.label(f"{trials} trials").classes("quiet number")
            if reported:
                ui.link("report", f"/reports/{quote(name, safe='')}", new_tab=True).props(
                    f'aria-label="report of {name}"'
                )

            async def make() -> str:
                await self._console.jobs.start(["report", name, f"--home={self._home}"])
                return "making the report"

            label = "make the report again" if reported else "make the report"
            act_button(label, "Writes the report anew from the raw results", make).props(
                f'aria-label="{label}: {name}"'
            )


@cache
def _scenarios() -> dict[str, str]:
    """Name -> what a person chooses by; they come with the lab, so they are read once."""
    return {name: f"{name}: {load_scenario(name).title}" for name in known_scenarios()}


def _all_facts(home: Path) -> list[Facts]:
    """Newest first. From the disk: not for an event loop."""
    return [_facts(folder) for folder in reversed(experiments(home))]


def _facts(folder: Path) -> Facts:
    """Name, finished trials, whether there is a report, and what is wrong with it."""
    try:
        load_manifest(folder)
    except BadInput as error:
        return folder.name, 0, False, str(error)
    trials = sum(1 for each in (folder / TRIALS).glob("*/") if not each.name.startswith("."))
    return folder.name, trials, (folder / REPORT).is_file(), ""


PAGES = (
    Page(
        "/experiments",
        "Experiments",
        build,
        place=7,
        says="A scenario through each lane, many times; then the verdict.",
    ),
)
ROUTES = routes
