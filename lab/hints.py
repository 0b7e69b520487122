"""Commands that the lab advises, written so that they reach the same lab wherever they are typed. Pure."""

import shlex
from pathlib import Path
from typing import Final

DEFAULT_HOME: Final = Path(".lab")


def advised(command: str, home: Path) -> str:
    """``command``, with ``--home`` where it would otherwise reach another lab."""
    if home.resolve() == DEFAULT_HOME.resolve():
        return command
    return f"{command} --home {shlex.quote(str(home.resolve()))}"


def counted(number: int, thing: str, things: str | None = None) -> str:
    """``1 fault``, ``2 faults``; ``things`` where the plural has more than an s."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"
