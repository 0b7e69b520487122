"""The tables of the change cost, from the patches and what is known of each change: plain cells, then Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.changes.catalogue import SERVICES, Change
from lab.changes.loading import PACKAGES, loaded_by
from lab.changes.patches import Size, Touched, size
from lab.topology import LANES

COUNTED: Final = ("change", "part", "files", "lines", "modules", "lab around it", "tests")
DEPLOYED: Final = ("change", "wiring", "must be deployed", "to tell rightly", "broker", "loads changed code")
IN_FLIGHT: Final = ("change", "wiring", "message or data schema", "orders under way at the switch")
NONE: Final = "–"

Row = tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """The files of a part: what a lane is made of, the lab that runs and judges it, and tests."""

    product: tuple[Touched, ...]
    lab: tuple[Touched, ...]
    tests: tuple[Touched, ...]


def split(files: Sequence[Touched]) -> Split:
    def under(*roots: str) -> tuple[Touched, ...]:
        return tuple(each for each in files if each.path.partition("/")[0] in roots)

    return Split(under(*PACKAGES), under("lab", "bench", "loadtests"), under("tests"))


def counted(changes: Sequence[Change]) -> Iterator[Row]:
    for change in changes:
        for part in change.parts:
            found = split(change.files(part))
            product = size(found.product)
            modules = ", ".join(_module(each) for each in found.product)
            name = "service, for both" if part == SERVICES else part
            lab, tests = (_lines(size(files)) for files in (found.lab, found.tests))
            yield change.title, name, str(product.files), _lines(product), modules, lab, tests


def deployed(changes: Sequence[Change], root: Path) -> Iterator[Row]:
    for change in changes:
        for lane in LANES:
            wiring = change.wirings[lane]
            must = ", ".join(f"{name} (new)" if name == change.new_service else name for name in wiring.must)
            paths = frozenset(
                file.path for part in _parts_of(change, lane) for file in split(change.files(part)).product
            )
            loading = ", ".join(loaded_by(root, lane, paths))
            yield change.title, lane, must, ", ".join(wiring.tells) or NONE, wiring.broker, loading


def in_flight(changes: Sequence[Change]) -> Iterator[Row]:
    for change in changes:
        for lane in LANES:
            yield change.title, lane, change.wirings[lane].schema, change.wirings[lane].in_flight


def markdown(changes: Sequence[Change], root: Path) -> str:
    tables = ((COUNTED, counted(changes)), (DEPLOYED, deployed(changes, root)), (IN_FLIGHT, in_flight(changes)))
    return "\n\n".join(_table(heading, rows) for heading, rows in tables) + "\n"


def _parts_of(change: Change, lane: str) -> tuple[str, ...]:
    return tuple(part for part in change.parts if part in (SERVICES, lane))


def _module(file: Touched) -> str:
    return f"`{file.path}`"


def _lines(counted: Size) -> str:
    return f"+{counted.added} −{counted.removed}" if counted.files else NONE


def _table(heading: Sequence[str], rows: Iterator[Row]) -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
