"""Files that are made from code and kept in the repository: write them, or say which are not current.

It must not know what any of them is for.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class MadeFiles:
    """``module``: what ``python -m`` makes them; ``wanted``: what each should hold; ``there``: those that are kept now.

    A file that is there and not wanted is not ours any more, and goes.
    """

    module: str
    wanted: Callable[[], Mapping[Path, str]]
    there: Callable[[], Iterable[Path]]

    def outdated(self) -> list[str]:
        """The names of files that differ, are missing, or are not ours."""
        wanted = self.wanted()
        found = {path: path.read_text(encoding="utf-8") for path in self.there()}
        return sorted(path.name for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))

    def build(self) -> None:
        wanted = self.wanted()
        for path in set(self.there()) - wanted.keys():
            path.unlink()
        for path, text in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def main(self, arguments: list[str] | None = None) -> int:
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}")
        parser.add_argument("command", choices=["build"])
        parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if one is not current")
        if not parser.parse_args(arguments).check:
            self.build()
            return 0
        if late := self.outdated():
            sys.stderr.write(f"not current: {', '.join(late)}; run: python -m {self.module} build\n")
            return 1
        return 0
