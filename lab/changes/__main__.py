"""``python -m lab.changes``: keep the patches in step with the code that they change (README.md beside it)."""

import sys
import tempfile
from pathlib import Path

from lab.changes.catalogue import SERVICES, Change, changes, load
from lab.changes.trees import DoesNotApply, apply, commit, copy_tree, difference
from lab.errors import BadInput, LabError

USAGE = "usage: python -m lab.changes refresh | open CHANGE PART FOLDER | save CHANGE PART FOLDER"


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["refresh"]:
                return _refresh()
            case ["open", name, part, folder]:
                _open(load(name), part, Path(folder))
            case ["save", name, part, folder]:
                load(name).patch_file(part).write_text(difference(Path(folder)), encoding="utf-8")
            case _:
                raise BadInput(USAGE)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _refresh() -> int:
    """Every patch made again against the code of today; those that do not even apply loosely are told."""
    failed = False
    for change in changes():
        for part in change.parts:
            with tempfile.TemporaryDirectory() as folder:
                tree = Path(folder) / "tree"
                try:
                    _prepare(change, part, tree)
                    apply(tree, change.patch_file(part))
                except DoesNotApply as error:
                    sys.stderr.write(f"{error}\n")
                    failed = True
                    continue
                change.patch_file(part).write_text(difference(tree), encoding="utf-8")
    return int(failed)


def _open(change: Change, part: str, folder: Path) -> None:
    """The tree that the part is made against, committed; over it what of the part still applies (else ``*.rej``)."""
    _prepare(change, part, folder)
    apply(folder, change.patch_file(part), "--reject")


def _prepare(change: Change, part: str, tree: Path) -> None:
    if part not in change.parts:
        raise BadInput(f"{change.name} has no part {part!r}; it has: {', '.join(change.parts)}")
    tree.mkdir(parents=True)
    copy_tree(tree)
    if part != SERVICES and SERVICES in change.parts:
        apply(tree, change.patch_file(SERVICES))
    commit(tree)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
