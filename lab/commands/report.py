"""``lab report`` and ``lab compare``: from an experiment's raw results to what can be said of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lab.commands.options import narrow_table, out
from lab.errors import BadInput

if TYPE_CHECKING:
    from lab.report.together import Together

ResultArgument = Annotated[Path, typer.Argument(help="An experiment's folder.")]


def report(
    result: ResultArgument,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A folder; default: RESULT/report.")] = None,
) -> None:
    """Build an experiment's report again from its raw results: one HTML file, and every figure as SVG, PNG and CSV."""
    # Brings Matplotlib and SciPy along, which other commands should not wait for.
    from lab.experiment.store import load
    from lab.report.build import PAGE, build
    from lab.statistics.wording import sentence

    folder = output or result / "report"
    built = build(load(result), folder)
    for each in built.verdicts:
        if each.status == "different":
            out.print(Text(f"{each.measure.title}: {sentence(each)}"))
    if not any(each.status == "different" for each in built.verdicts):
        out.print("no detectable difference in any measure")
    out.print(Text(f"{folder / PAGE}"))


def compare(
    first: ResultArgument,
    second: ResultArgument,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the figures to this file, too.")] = None,
) -> None:
    """Hold two experiments together: the same measures, arm by arm, and in what their settings differ."""
    from lab.experiment.store import load
    from lab.report.together import together, together_csv

    if first.resolve() == second.resolve():
        raise BadInput("these are the same experiment")
    found = together(load(first), load(second))
    _print(found)
    if csv is not None:
        try:
            csv.write_text(together_csv(found), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{csv}: cannot be written: {error.strerror}") from error


def _print(found: "Together") -> None:
    from lab.report.together import cell_text, findings
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
    if found.settings:
        settings = narrow_table("differs", *(name for name, _ in found.within), wrap=("differs",))
        for name, *values in found.settings:
            settings.add_row(name, *values)
        out.print(settings)
