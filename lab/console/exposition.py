"""Just enough of Prometheus's text format to read the lab's own counters, far cheaper than a whole parser. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(r"^((?:lab|conductor)_\w+)(?:\{(.*)\})?\s+(\S+)", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Reading:
    name: str
    labels: dict[str, str]
    value: float


def readings(text: str) -> Iterator[Reading]:
    """Every sample whose name begins with ``lab_`` or ``conductor_``."""
    for name, labels, value in _LINE.findall(text):
        yield Reading(name, {key: _plain(said) for key, said in _LABEL.findall(labels)}, float(value))


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text) if "\\" in text else text


def total(found: list[Reading], name: str) -> float:
    """Over all labels."""
    return sum(each.value for each in found if each.name == name)
