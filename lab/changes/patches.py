"""A unified diff as what it touches: files and lines. Pure; must not know what a change is for."""

from collections.abc import Iterable
from dataclasses import dataclass

FILE_MARK = "diff --git a/"


@dataclass(frozen=True)
class Touched:
    """One file of a patch, with how many lines it gains and loses."""

    path: str
    added: int
    removed: int
    new: bool = False


@dataclass(frozen=True)
class Size:
    files: int = 0
    added: int = 0
    removed: int = 0


def touched(patch: str) -> tuple[Touched, ...]:
    return tuple(_one(part) for part in f"\n{patch}".split(f"\n{FILE_MARK}")[1:])


def _one(part: str) -> Touched:
    lines = part.splitlines()
    path = lines[0].partition(" b/")[2]
    head = next((number for number, line in enumerate(lines) if line.startswith("@@")), len(lines))
    body = lines[head:]
    return Touched(
        path,
        added=sum(line.startswith("+") for line in body),
        removed=sum(line.startswith("-") for line in body),
        new=any(line.startswith("new file mode") for line in lines[:head]),
    )


def size(files: Iterable[Touched]) -> Size:
    listed = list(files)
    return Size(len({each.path for each in listed}), sum(f.added for f in listed), sum(f.removed for f in listed))
