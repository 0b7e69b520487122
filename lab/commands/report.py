"""``lab report`` and ``lab compare``: from an experiment's raw results to what can be said of them."""

from collections import Counter
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from lab.commands.made_tables import write_tables
from lab.commands.options import DEFAULT_HOME, HomeOption, narrow_table, out
from lab.errors import BadInput

if TYPE_CHECKING:
    from lab.report.together import Together

SETTING_WIDTH: Final = 60
WRITTEN_BY: Final = "lab report"
ResultArgument = Annotated[str, typer.Argument(help="An experiment's name or folder, or latest.")]


def report(
    results: Annotated[list[str], typer.Argument(help="Experiments' names or folders, or latest.", metavar="RESULT…")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A folder; default: RESULT/report.")] = None,
    write: Annotated[
        Path | None, typer.Option(help="Write the tables of all of them into this Markdown page, between its marks.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Build an experiment's report again from its raw results: one HTML file, and every figure as SVG, PNG and CSV."""
    from lab.experiment.store import find, load

    if output is not None and (write is not None or len(results) > 1):
        raise BadInput("--output is for the report of one result, without --write")
    found = [find(home.resolve(), each) for each in results]
    if write is not None:
        from lab.report.account import account

        write_tables(write, WRITTEN_BY, account([load(raw) for raw in found]))
        out.print(f"written: {write}", markup=False)
        return
    for raw in found:
        write_report(raw, output or raw / "report")


def write_report(raw: Path, folder: Path) -> None:
    """Says what was found. Raises ``BadInput``."""
    # Brings Matplotlib and SciPy along, which other commands should not wait for.
    from lab.experiment.store import load
    from lab.report.build import PAGE, build
    from lab.statistics.wording import sentence

    built = build(load(raw), folder)
    for each in built.verdicts:
        if each.status == "different":
            out.print(Text(f"{each.measure.title}: {sentence(each)}"))
    statuses = Counter(each.status for each in built.verdicts)
    out.print(Text(", ".join(f"{status}: {count}" for status, count in statuses.most_common())))
    out.print(Text(f"{folder / PAGE}"))


def compare(
    first: ResultArgument,
    second: ResultArgument,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the figures to this file, too.")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Hold two experiments together: the same measures, arm by arm, and in what their settings differ."""
    from lab.experiment.store import find, load
    from lab.report.together import together, together_csv

    ours, theirs = (find(home.resolve(), each) for each in (first, second))
    if ours.resolve() == theirs.resolve():
        raise BadInput("these are the same experiment")
    found = together(load(ours), load(theirs))
    _print(found)
    if csv is not None:
        try:
            csv.write_text(together_csv(found), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{csv}: cannot be written: {error.strerror}") from error


def _print(found: "Together") -> None:
    from lab.report.arms import cell_text
    from lab.report.together import findings
    from lab.statistics.wording import sentence

    headings = [f"{column.experiment}\n{column.arm}" for column in found.columns]
    table = narrow_table("measure", *headings, numbers=tuple(headings))
    for measure, cells in found.rows():
        table.add_row(measure.name, *(cell_text(cell, measure) for cell in cells))
    out.print(table)
    out.print(
        "Mean over the trials and its 95 % interval. Two experiments are not paired: no verdict is given across them."
    )
    for name, verdict in findings(found):
        out.print(Text(f"{name}: {verdict.measure.title}: {sentence(verdict)}"))
    for name, *values in found.settings:
        ours, theirs = (shorten(value, SETTING_WIDTH, placeholder=" …") for value in values)
        out.print(Text(f"differs: {name}: {ours} | {theirs}"))
