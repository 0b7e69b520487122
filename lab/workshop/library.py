"""Where the lessons are: ``docs/workshop`` beside the code. Reads files; what is in them is for ``lesson``."""

from pathlib import Path
from typing import Final

from lab.errors import BadInput
from lab.workshop.lesson import Lesson, lesson

FOLDER: Final = Path(__file__).parents[2] / "docs" / "workshop"
HANDOUT: Final = "handout.md"


def lessons(folder: Path = FOLDER) -> tuple[Lesson, ...]:
    """All of them, in order. Raises ``BadInput``."""
    paths = sorted(folder.glob("[0-9][0-9]-*.md"))
    if not paths:
        raise BadInput(f"no lessons in {folder}: run the lab from its repository")
    found = tuple(lesson(_text(path)) for path in paths)
    if [each.number for each in found] != list(range(1, len(found) + 1)):
        raise BadInput(f"the lessons in {folder} are not numbered from 1 on: {[each.number for each in found]}")
    return found


def lesson_of(number: int, folder: Path = FOLDER) -> Lesson:
    """Raises ``BadInput``."""
    known = lessons(folder)
    if not 1 <= number <= len(known):
        raise BadInput(f"there is no lesson {number}; there are 1 to {len(known)}")
    return known[number - 1]


def handout(folder: Path = FOLDER) -> str:
    """Its text. Raises ``BadInput``."""
    return _text(folder / HANDOUT)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from None
