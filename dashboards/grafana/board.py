"""What a dashboard is, before anybody draws it: rows of figures. Plain data; it must not know Grafana."""

from dataclasses import dataclass
from typing import Literal

Shape = Literal["lines", "number", "bars"]
# Grafana's names of units.
Unit = Literal["short", "s", "reqps", "ops", "cps", "bytes", "percentunit", "currencyUSD", "Bps", "none"]


@dataclass(frozen=True)
class Query:
    """``legend`` names each series; one that begins with a lane's name gets that lane's colour."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Figure:
    """One panel. ``warn`` and ``bad``: from where on a value deserves a look, or help.

    ``below``: a value under them does.
    """

    title: str
    says: str
    unit: Unit
    queries: tuple[Query, ...]
    warn: float
    bad: float
    shape: Shape = "lines"
    width: int = 8  # of 24
    height: int = 8
    below: bool = False
    decimals: int | None = None


@dataclass(frozen=True)
class Row:
    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Board:
    """``uid`` is its address for ever; ``choices``: variables that a viewer may narrow, with their values."""

    uid: str
    title: str
    says: str
    rows: tuple[Row, ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tags: tuple[str, ...] = ("saga-lab",)

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(figure for row in self.rows for figure in row.figures)


def by_lane(expr: str) -> tuple[Query, ...]:
    return (Query(expr, "{{lane}}"),)
