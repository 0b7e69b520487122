"""Tables of a page that a command makes: between two marks, so that what people wrote around them stays."""

from pathlib import Path
from typing import Final

from lab.errors import BadInput

END: Final = "<!-- end -->"


def write_tables(path: Path, command: str, tables: str) -> None:
    """Replace what stands after the line ``<!-- made by: <command>…``. Raises ``BadInput`` where there is none."""
    begin = f"<!-- made by: {command}"
    try:
        page = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    before, mark, rest = page.partition(begin)
    line, _, old = rest.partition("\n")
    _, end, after = old.partition(END)
    if not mark or not end:
        raise BadInput(f"{path} has no place for the tables: a line that begins {begin!r}, and later {END!r}")
    try:
        path.write_text(f"{before}{begin}{line}\n\n{tables}\n{END}{after}", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error
