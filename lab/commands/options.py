"""Options and arguments that several commands share, and the two consoles."""

import sys
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from lab.control.client import RunningLab
from lab.hints import DEFAULT_HOME
from lab.target.chosen import chosen_lab
from lab.topology import LANES

__all__ = ["DEFAULT_HOME"]  # with the option that it is the default of

# A pipe has no width: wide enough that nothing is cut.
PIPE_WIDTH: Final = 200

out: Final = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)


class LaneChoice(StrEnum):
    CHOREOGRAPHY = "choreography"
    ORCHESTRATION = "orchestration"
    BOTH = "both"

    def lanes(self) -> tuple[str, ...]:
        return LANES if self is LaneChoice.BOTH else (self.value,)

    def one(self) -> str | None:
        """None: every lane that is up."""
        return None if self is LaneChoice.BOTH else self.value


HomeOption = Annotated[
    Path, typer.Option("--home", envvar="LAB_HOME", help="The lab's folder: ledgers, logs, secrets, results.")
]
LaneOption = Annotated[LaneChoice, typer.Option("--lane", help="One lane, or both.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def find_lab(home: Path) -> RunningLab:
    """Raises ``NotUp``."""
    return chosen_lab(home.resolve())


def narrow_table(*headings: str, numbers: tuple[str, ...] = (), wrap: tuple[str, ...] = ()) -> Table:
    """A table that fits 80 columns: nothing is drawn but a line under the headings; only ``wrap`` columns wrap."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in headings:
        justify: Literal["left", "right"] = "right" if heading in numbers else "left"
        table.add_column(heading, justify=justify, no_wrap=heading not in wrap, overflow="fold")
    return table


def has_console() -> bool:
    """Whether its own packages are installed; without them the lab runs all the same, and says so."""
    if find_spec("nicegui") is not None:
        return True
    err.print("no console: its packages are not installed (pip install 'saga-lab[console]')", markup=False)
    return False
