"""A process's log: the child writes it itself, so that nothing is lost when the supervisor dies; kept bounded here."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_BYTES = 8 * 1024 * 1024
TAIL_BYTES = 64 * 1024


@dataclass(frozen=True)
class LogFile:
    """``path`` and one older generation, ``path.1``."""

    path: Path

    def open(self) -> IO[bytes]:
        """For a child to inherit. Appending, so that a truncation in ``bound`` takes effect for it as well."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.bound()
        return self.path.open("ab")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def bound(self, max_bytes: int = MAX_BYTES) -> bool:
        """Move a log that is too long aside. Copied and cut, since the child holds the file open: a line that is
        written in between is lost, which for a log of a lab is fair."""
        if self.size() <= max_bytes:
            return False
        shutil.copyfile(self.path, self.path.with_name(self.path.name + ".1"))
        with self.path.open("r+b") as file:
            file.truncate(0)
        return True

    def tail(self, lines: int, since: int = 0) -> list[str]:
        """The last ``lines`` lines, none from before the byte offset ``since`` (ignored after a cut)."""
        size = self.size()
        start = max(since if since <= size else 0, size - TAIL_BYTES, 0)
        if size == 0:
            return []
        with self.path.open("rb") as file:
            file.seek(start)
            text = file.read().decode(errors="replace")
        return text.splitlines()[-lines:]
