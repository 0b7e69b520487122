"""``lab change-cost``: what three changes to the business cost in each wiring, counted from real patches."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import narrow_table, out
from lab.errors import BadInput

BEGIN = "<!-- made by: lab change-cost --markdown"
END = "<!-- end -->"


def change_cost(
    markdown: Annotated[Path | None, typer.Option(help="Write the tables into this file, between its marks.")] = None,
) -> None:
    """Count what each change touches in each wiring: files, lines, deployments, schemas, orders under way."""
    from lab.changes import table
    from lab.changes.catalogue import changes
    from lab.changes.trees import ROOT

    found = changes()
    if markdown is not None:
        _write(markdown, table.markdown(found, ROOT))
        return
    _print(table.COUNTED, table.counted(found), wrap=("modules",))
    _print(table.DEPLOYED, table.deployed(found, ROOT), wrap=("must be deployed", "broker", "loads changed code"))
    _print(table.IN_FLIGHT, table.in_flight(found), wrap=("message or data schema", "orders under way at the switch"))


def _print(heading: Sequence[str], rows: Iterator[tuple[str, ...]], wrap: tuple[str, ...]) -> None:
    table = narrow_table(*heading, numbers=("files",), wrap=("change", *wrap))
    for row in rows:
        table.add_row(*(cell.replace("`", "") for cell in row))
    out.print(table, soft_wrap=False)


def _write(path: Path, tables: str) -> None:
    if not path.is_file():
        raise BadInput(f"there is no file {path}")
    before, mark, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    line, _, old = rest.partition("\n")
    _, end, after = old.partition(END)
    if not mark or not end:
        raise BadInput(f"{path} has no place for the tables: a line that begins {BEGIN!r}, and later {END!r}")
    path.write_text(f"{before}{BEGIN}{line}\n\n{tables}\n{END}{after}", encoding="utf-8")
    out.print(f"written: {path}", markup=False)
