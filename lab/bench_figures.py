"""What a benchmark measured, as figures and as a table. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from rich.table import Table

from lab.verdict import percentile

FLOOR: Final = "floor"


@dataclass
class Subject:
    """A lane, or the floor: its rate in each round, and its latencies at half of its rate."""

    name: str
    rates_per_s: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    half_rate_per_s: float | None = None
    latencies_s: list[float] = field(default_factory=list)
    unfinished: int = 0
    late_departures: int = 0
    orders: int = 0  # all of the saturated rounds, for the processor time
    cpu_s: dict[str, float] = field(default_factory=dict)  # by process, over the saturated rounds

    @property
    def rate_per_s(self) -> float:
        return median(self.rates_per_s) if self.rates_per_s else 0.0

    def cpu_ms_per_order(self) -> dict[str, float]:
        """By process, the most expensive first."""
        dear_first = sorted(self.cpu_s.items(), key=lambda item: -item[1])
        return {name: round(1000 * seconds / max(1, self.orders), 3) for name, seconds in dear_first}

    def to_json(self, floor: "Subject | None") -> dict[str, Any]:
        ordered = sorted(self.latencies_s)
        return {
            "orders_per_s": round(self.rate_per_s, 1),
            "orders_per_s_by_round": [round(rate, 1) for rate in self.rates_per_s],
            "share_of_floor": share_of(self, floor),
            "statuses": self.statuses,
            "at_half_rate": {
                "orders_per_s": self.half_rate_per_s,
                "orders": len(ordered),
                "unfinished": self.unfinished,
                "late_departures": self.late_departures,
                "p50_ms": _ms(percentile(ordered, 0.5)),
                "p99_ms": _ms(percentile(ordered, 0.99)),
            },
            "cpu_ms_per_order": self.cpu_ms_per_order(),
            "cpu_ms_per_order_all": round(sum(self.cpu_ms_per_order().values()), 3),
        }


def share_of(subject: Subject, floor: Subject | None) -> float | None:
    """The median over the rounds of rate / the floor's rate in the same round, so that a slow minute hits both."""
    if floor is None:
        return None
    pairs = zip(subject.rates_per_s, floor.rates_per_s, strict=False)
    shares = [rate / base for rate, base in pairs if base]
    return round(median(shares), 3) if shares else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 1)


def bench_table(subjects: Mapping[str, Subject]) -> Table:
    floor = subjects.get(FLOOR)
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("")
    for name in subjects:
        table.add_column(name, justify="right")
    told = [subject.to_json(floor) for subject in subjects.values()]
    _row(table, "orders/s at saturation", [each["orders_per_s"] for each in told])
    _row(table, "  by round", [" ".join(f"{rate:.0f}" for rate in each["orders_per_s_by_round"]) for each in told])
    _row(table, "share of the floor's rate", [each["share_of_floor"] for each in told])
    _row(table, "p50 at half of it, ms", [each["at_half_rate"]["p50_ms"] for each in told])
    _row(table, "p99 at half of it, ms", [each["at_half_rate"]["p99_ms"] for each in told])
    _row(table, "processor time per order, ms", [each["cpu_ms_per_order_all"] for each in told])
    for component in _components(subjects):
        name = f"  {component}"
        _row(table, name, [_cpu_of(subject, component) for subject in subjects.values()])
    return table


def _components(subjects: Mapping[str, Subject]) -> list[str]:
    """Every kind of process that any subject has, without the subject's own name before it."""
    return sorted({name.removeprefix(f"{each.name}-") for each in subjects.values() for name in each.cpu_s})


def _cpu_of(subject: Subject, component: str) -> float | None:
    found = subject.cpu_ms_per_order()
    return found.get(f"{subject.name}-{component}", found.get(component))


def _row(table: Table, name: str, values: Sequence[Any]) -> None:
    table.add_row(name, *map(_cell, values))


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
