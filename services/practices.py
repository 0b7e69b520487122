"""The practices: hardenings that can be switched off, each alone, to show what it is for."""

from enum import StrEnum
from typing import Final


class Practice(StrEnum):
    RETRIES = "retries"
    IDEMPOTENCY = "idempotency"
    OUTBOX = "outbox"
    DEAD_LETTERS = "dead_letters"
    DEADLINES = "deadlines"


Practices = frozenset[Practice]

PRESETS: Final[dict[str, Practices]] = {"hardened": frozenset(Practice), "naive": frozenset()}


def parse_practices(text: str) -> Practices:
    """``hardened``, ``naive``, a comma-separated list, or a preset less some: ``hardened,-outbox``.

    Raises ``ValueError`` naming the word that is not a practice.
    """
    chosen: set[Practice] = set()
    for word in filter(None, (part.strip() for part in text.split(","))):
        name = word.removeprefix("-")
        if name in PRESETS:
            members: Practices = PRESETS[name]
        elif name in set(Practice):
            members = frozenset({Practice(name)})
        else:
            known = ", ".join([*PRESETS, *Practice])
            raise ValueError(f"{name!r} is not a practice or preset; known: {known}")
        chosen = chosen - members if word.startswith("-") else chosen | members
    return frozenset(chosen)


def format_practices(practices: Practices) -> str:
    """The inverse of ``parse_practices``; preset names where they fit."""
    for name, members in PRESETS.items():
        if members == practices:
            return name
    return ",".join(sorted(practices))
