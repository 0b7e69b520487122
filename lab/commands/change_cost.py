"""``lab change-cost``: what three changes to the business cost in each wiring, counted from real patches."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from lab.commands.made_tables import write_tables
from lab.commands.options import narrow_table, out


def change_cost(
    markdown: Annotated[Path | None, typer.Option(help="Write the tables into this file, between its marks.")] = None,
) -> None:
    """Count what each change touches in each wiring: files, lines, deployments, schemas, orders under way."""
    from lab.changes import table
    from lab.changes.catalogue import changes
    from lab.changes.trees import ROOT

    found = changes()
    if markdown is not None:
        write_tables(markdown, "lab change-cost --markdown", table.markdown(found, ROOT))
        out.print(f"written: {markdown}", markup=False)
        return
    _print(table.COUNTED, table.counted(found), wrap=("modules",))
    _print(table.DEPLOYED, table.deployed(found, ROOT), wrap=("must be deployed", "broker", "loads changed code"))
    _print(table.IN_FLIGHT, table.in_flight(found), wrap=("message or data schema", "orders under way at the switch"))


def _print(heading: Sequence[str], rows: Iterator[tuple[str, ...]], wrap: tuple[str, ...]) -> None:
    table = narrow_table(*heading, numbers=("files",), wrap=("change", *wrap))
    for row in rows:
        table.add_row(*(cell.replace("`", "") for cell in row))
    out.print(table, soft_wrap=False)
