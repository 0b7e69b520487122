"""What one sees while the demo runs: bars at a terminal, a line now and then elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from lab.processes.state import Event, State
from lab.trial import Run

PLAIN_LINE_EVERY_S: Final = 5.0
NOTEWORTHY: Final = frozenset({State.BACKOFF, State.DOWN, State.FROZEN})


class Progress:
    """Told what happens; shows it."""

    def __init__(self, console: Console, preset: str, bars: Bars | None) -> None:
        self._console, self._preset, self._bars = console, preset, bars
        self._tasks: dict[str, TaskID] = {}
        self._total = 0
        self._said_at = 0.0
        self._run: Run | None = None
        self._actions_said = 0

    def say(self, text: str) -> None:
        self._console.print(f"[{self._preset}] {text}", markup=False)

    def on_event(self, event: Event) -> None:
        """Only what a spectator should know of a process: that it fell, not that it started."""
        if event.state in NOTEWORTHY:
            self._say_actions()  # what was done to it comes before what came of it
            self.say(f"{event.name} {event.text}")

    def expect(self, orders: int, lanes: Sequence[str]) -> None:
        self._total = orders
        if self._bars is not None:
            self._tasks = {lane: self._bars.add_task(lane, total=orders) for lane in lanes}
        self.say(f"{orders} orders to each lane, the same at the same moment")

    def on_run(self, run: Run) -> None:
        self._run = run
        self._say_actions()
        if self._bars is not None:
            for lane, lane_run in run.lanes.items():
                self._bars.update(self._tasks[lane], completed=len(lane_run.outcomes.ended))
        elif time.monotonic() - self._said_at >= PLAIN_LINE_EVERY_S:
            self._said_at = time.monotonic()
            counts = (
                f"{lane} {each.accepted} accepted, {len(each.outcomes.ended)} ended" for lane, each in run.lanes.items()
            )
            self.say(f"{'; '.join(counts)}; of {self._total}")

    def _say_actions(self) -> None:
        actions = self._run.actions if self._run is not None else []
        for _, text in actions[self._actions_said :]:
            self.say(text)
        self._actions_said = len(actions)


@contextmanager
def progress_on(console: Console, preset: str) -> Iterator[Progress]:
    if not console.is_terminal:
        yield Progress(console, preset, None)
        return
    columns = (TextColumn("  {task.description:<14} ended"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        yield Progress(console, preset, bars)
