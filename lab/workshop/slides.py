"""The lessons as slides and the handout as a sheet: one HTML text each, with style and script inside.

Made from the same text that ``lab workshop 4`` shows; loads nothing, so that a room without internet can show it.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Final

from markdown_it import MarkdownIt

from lab.workshop.lesson import CHECK, DISCUSS, PREDICT, RUN, SHOWED, Lesson

TITLE: Final = "Choreography or orchestration?"
KEYS: Final = "→ ← to turn, Home and End, D for dark or light"

# Links to other files lead nowhere from a sheet of paper or a stick.
_FILE_LINK = re.compile(r"\[([^]]+)]\((?!https?:)[^)]*\)")
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


def deck(lessons: Sequence[Lesson]) -> str:
    """All lessons, three slides each: what to predict; what to run; what it showed."""
    minutes = sum(lesson.minutes for lesson in lessons)
    first = f"# {TITLE}\n\n{len(lessons)} lessons, {minutes} minutes: predict, run, check, discuss.\n\n{KEYS}"
    slides = [first, *(slide for lesson in lessons for slide in _slides(lesson))]
    sections = "\n".join(_section(number, len(slides), text) for number, text in enumerate(slides, start=1))
    turning = '<nav><button id="back">← back</button> <output id="place"></output> <button id="on">on →</button></nav>'
    return _page(TITLE, f'<main id="deck">\n{sections}\n</main>\n{turning}', "slides.css", _file("slides.js"))


def sheet(text: str) -> str:
    """One page of Markdown, to print."""
    title = text.partition("\n")[0].removeprefix("# ")
    return _page(title, f"<main>{_html(text)}</main>", "sheet.css")


def _slides(lesson: Lesson) -> Iterable[str]:
    title, part = f"# {lesson.number}. {lesson.title}", lesson.parts
    yield f"{title}\n\n{lesson.about}\n\n## {PREDICT}\n\n{part[PREDICT]}"
    yield f"{title}\n\n## {RUN}\n\n{part[RUN]}\n\n## {CHECK}\n\n{part[CHECK]}"
    yield f"{title}\n\n## {SHOWED}\n\n{part[SHOWED]}\n\n## {DISCUSS}\n\n{part[DISCUSS]}"


def _section(number: int, of: int, text: str) -> str:
    return f'<section id="s{number}" aria-label="slide {number} of {of}"><div>{_html(text)}</div></section>'


def _html(text: str) -> str:
    return str(_MARKDOWN.render(_FILE_LINK.sub(r"\1", text)))


def _page(title: str, body: str, style: str, script: str = "") -> str:
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_file(style)}</style>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""


def _file(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
