"""A lesson as text: its parts, and the commands in it. Pure; must not know where lessons are, nor what a check asks.

The text is Markdown of one shape: a title ``# 4. The conductor``, a line ``*5 minutes. What must be up.*``, what it is
about, and then the sections of ``PARTS``, each once and in this order. Commands stand in ``sh`` blocks; one that ends
with another exit code than 0 says so in a comment behind it.
"""

import re
from dataclasses import dataclass
from typing import Final

from lab.errors import BadInput

PREDICT, RUN, CHECK, SHOWED, DISCUSS = PARTS = ("Predict", "Run", "Check", "What it showed", "Discuss")
EXPORT: Final = "export "
# Of the lab that `lab up` starts without options: what a text names, and a lab elsewhere must be asked for instead.
WRITTEN_FOR_PORT_BASE: Final = 7400

_TITLE = re.compile(r"# (\d+)\. (.+)")
_NEEDS = re.compile(r"\*(\d+) minutes\. (.+)\*", re.DOTALL)
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_EXIT_CODE = re.compile(r"\s+#.*\bexit code (\d+)\b.*$")
_COMMENT = re.compile(r"\s+# .*$")
_ADDRESS = re.compile(r"\b127\.0\.0\.1:74(\d\d)\b")


@dataclass(frozen=True)
class Command:
    """One line to type, and the exit code that it ends with."""

    line: str
    exit_code: int = 0


@dataclass(frozen=True)
class Lesson:
    """``needs``: what must be up when it begins. ``parts`` by the names of ``PARTS``."""

    number: int
    title: str
    minutes: int
    needs: str
    about: str
    parts: dict[str, str]

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(command for block in _BLOCK.findall(self.parts[RUN]) for command in commands(block))


def lesson(text: str) -> Lesson:
    """Raises ``BadInput`` naming what is missing or out of place."""
    head, *sections = re.split(r"^## ", text.strip(), flags=re.MULTILINE)
    title, needs, about = _head(head)
    parts: dict[str, str] = {}
    for section in sections:
        name, _, body = section.partition("\n")
        parts[name.strip()] = body.strip()
    if tuple(parts) != PARTS or len(sections) != len(PARTS):
        raise BadInput(f"{title[0]}: its sections are {', '.join(parts)}; they must be {', '.join(PARTS)}")
    empty = [name for name, body in parts.items() if not body]
    if empty:
        raise BadInput(f"{title[0]}: nothing under {', '.join(empty)}")
    return Lesson(int(title[1]), title[2], int(needs[1]), " ".join(needs[2].split()), about, parts)


def _head(head: str) -> tuple[re.Match[str], re.Match[str], str]:
    paragraphs = [each.strip() for each in head.split("\n\n", 2)]
    title = _TITLE.fullmatch(paragraphs[0])
    if title is None:
        raise BadInput(f"a lesson begins with `# <number>. <title>`, not with {paragraphs[0][:60]!r}")
    needs = _NEEDS.fullmatch(paragraphs[1]) if len(paragraphs) == 3 else None
    if needs is None:
        raise BadInput(f"{title[0]}: under its title belong `*<n> minutes. <what must be up>*`, and what it is about")
    return title, needs, paragraphs[2]


def commands(block: str) -> tuple[Command, ...]:
    """Of an ``sh`` block: continued lines joined, comments taken off."""
    lines = block.replace("\\\n", " ").splitlines()
    return tuple(_command(line) for line in lines if line.strip() and not line.startswith("#"))


def _command(line: str) -> Command:
    ends = _EXIT_CODE.search(line)
    return Command(_COMMENT.sub("", line).rstrip(), int(ends[1]) if ends is not None else 0)


def at_ports(text: str, port_base: int) -> str:
    """The same text with the addresses of a lab that listens elsewhere."""
    return _ADDRESS.sub(lambda found: f"127.0.0.1:{port_base + int(found[1])}", text)
