"""Verdicts as tables for a terminal, as a text file, and as rows of a CSV; of every lane the same, in the same order.

Only presents: every figure comes from ``verdict``.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from lab.auditor import Anomaly
from lab.auditor.anomalies import BookOutcome
from lab.grounds import Breach
from lab.verdict import Verdict
from services.operations import UNDOES
from services.trail import OrderStatus

REPORT_WIDTH: Final = 100
NONE: Final = "–"

Figure = tuple[str, Callable[[Verdict], str]]


def _ms(outcome: OrderStatus, name: str) -> Callable[[Verdict], str]:
    def told(verdict: Verdict) -> str:
        value = verdict.figures["latency"][outcome][name]
        return NONE if value is None else value if isinstance(value, str) else f"{value:,.0f} ms"

    return told


def _number(value: Any) -> str:
    return NONE if value is None else f"{value:,g}"


def _recovery(verdict: Verdict) -> str:
    found = verdict.figures["recovery"]
    if found["unrecovered"]:
        return f"never: {found['unrecovered']:,} open"
    return NONE if found["seconds"] is None else f"{found['seconds']:g} s"


def _compensations(verdict: Verdict) -> str:
    counts = verdict.figures["compensations"]
    return " + ".join(str(counts[undo.value]) for undo in UNDOES)


def _story(name: str) -> Callable[[Verdict], str]:
    return lambda verdict: (
        f"{_number(verdict.figures['story_cost'][f'{name}_median'])}"
        f" (at most {_number(verdict.figures['story_cost'][f'{name}_most'])})"
    )


def _conserved(held: bool) -> str:
    return "conserved" if held else "NOT conserved"


FIGURES: Final[tuple[Figure, ...]] = (
    ("orders accepted", lambda v: _number(v.audit.orders)),
    *(
        (f"  {outcome.value.replace('_', ' ')}", lambda v, o=outcome: _number(v.audit.outcome_counts()[o]))
        for outcome in BookOutcome
    ),
    ("orders with an anomaly", lambda v: _number(len(v.audit.anomalies))),
    ("money", lambda v: _conserved(v.audit.money.conserved)),
    ("stock", lambda v: _conserved(v.audit.stock.conserved)),
    ("sent, never acknowledged", lambda v: _number(v.figures["orders_unanswered"])),
    ("rolled back without a known cause", lambda v: _number(v.figures[Breach.ROLLED_BACK_WITHOUT_REASON])),
    ("shipped against the manager's no", lambda v: _number(v.figures[Breach.SHIPPED_AGAINST_DECISION])),
    ("shipped without the approval it needs", lambda v: _number(v.figures[Breach.SHIPPED_WITHOUT_APPROVAL])),
    ("arrival to fulfilled, p50 (1)", _ms(OrderStatus.FULFILLED, "p50_ms")),
    ("arrival to fulfilled, p99 (1)", _ms(OrderStatus.FULFILLED, "p99_ms")),
    ("arrival to rolled back, p50 (1)", _ms(OrderStatus.ROLLED_BACK, "p50_ms")),
    ("arrival to rolled back, p99 (1)", _ms(OrderStatus.ROLLED_BACK, "p99_ms")),
    ("ended as failed, by its own story", lambda v: _number(v.figures["stories"].get(OrderStatus.FAILED, 0))),
    ("not ended, by its own story", lambda v: _number(v.figures["latency"]["unfinished"])),
    ("retries (2)", lambda v: _number(v.figures["retries"])),
    ("dead letters (2)", lambda v: _number(v.figures["dead_letters"])),
    ("undone: refund + release + void", _compensations),
    ("recovered after the repair in (3)", _recovery),
    ("stores that tell a story", _story("stores")),
    ("queries for a story", _story("queries")),
    ("faults injected", lambda v: _number(sum(v.figures["faults_injected"].values()))),
    ("processor time per order", lambda v: f"{v.figures['cpu_ms_per_order']:g} ms"),
    ("memory, at most", lambda v: f"{v.figures['peak_rss_mib']} MiB"),
)


# What a reader must know to compare the columns.
NOTES: Final = (
    "(1) Orders that wait for a manager are left out. An order with neither outcome counts as infinitely slow in both:"
    ' "> horizon".',
    "(2) Each wiring counts its own. Orchestration: calls that failed, refused connections included; work that no"
    " conductor can do, which is set apart whatever the practices. Choreography: attempts that failed; messages that no"
    " listener could process, and steps given up. A message that waits in the broker for a dead service is neither.",
    "(3) time_scale shortens retry waits, not the time in which a killed process is back (docs/decisions/0017). Where a"
    " scenario kills the decider, it is one of two conductors in orchestration, and the warehouse's only listener in"
    " choreography (docs/decisions/0013).",
)


def verdict_table(preset: str, verdicts: Sequence[Verdict]) -> Table:
    """One column per lane; a row for every kind of anomaly that any lane shows."""
    table = Table(title=f"preset {preset}", title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("")
    for verdict in verdicts:
        table.add_column(verdict.lane, justify="right")
    for name, figure in FIGURES:
        table.add_row(name, *(figure(verdict) for verdict in verdicts))
        if name == "orders with an anomaly":
            for kind in Anomaly:
                if any(kind in verdict.audit.tallies for verdict in verdicts):
                    table.add_row(f"  {kind}", *(_count(verdict, kind) for verdict in verdicts))
    return table


def _count(verdict: Verdict, kind: Anomaly) -> str:
    tally = verdict.audit.tallies.get(kind)
    return "0" if tally is None else str(tally.count)


def examples(verdicts: Sequence[Verdict]) -> list[str]:
    """The first and the worst order of each kind, by lane."""
    lines = []
    for verdict in verdicts:
        for kind, tally in verdict.audit.tallies.items():
            at_stake = f"{tally.worst_cents / 100:,.2f} at stake"
            lines.append(
                f"{verdict.lane}: {kind} × {tally.count}: first {tally.first}, worst {tally.worst} ({at_stake})"
            )
        for breach in Breach:
            shown = [row.order_id for row in verdict.rows if breach in row.breaches]
            if shown:
                lines.append(f"{verdict.lane}: {breach} × {len(shown)}: first {shown[0]}")
    return lines


def named_orders(verdict: Verdict) -> list[str]:
    """The orders that ``examples`` names, each once: those whose stories are worth keeping."""
    tallied = [order_id for tally in verdict.audit.tallies.values() for order_id in (tally.first, tally.worst)]
    breached = [next((row.order_id for row in verdict.rows if breach in row.breaches), None) for breach in Breach]
    return list(dict.fromkeys([*tallied, *filter(None, breached)]))


def presentation(preset: str, verdicts: Sequence[Verdict]) -> Group:
    parts: list[Table | Text] = [verdict_table(preset, verdicts), *(Text(note, style="dim") for note in NOTES)]
    found = examples(verdicts)
    if found:
        parts += [Text(""), *(Text(line) for line in found)]
    return Group(*parts)


def text_report(title: Sequence[str], results: Mapping[str, Sequence[Verdict]]) -> str:
    """Everything as plain text."""
    target = io.StringIO()
    console = Console(file=target, width=REPORT_WIDTH, no_color=True, highlight=False)
    for line in title:
        console.print(line, soft_wrap=True, markup=False)
    for preset, verdicts in results.items():
        console.print()
        console.print(presentation(preset, verdicts))
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines()) + "\n"


CSV_COLUMNS: Final = (
    "preset", "lane", "order_id", "planned_s", "placing", "tries", "story", "books", "anomalies", "finished_s",
    "latency_s", "total_cents", "needs_approval", "breaches",
)  # fmt: skip


def write_csv(path: Path, results: Mapping[str, Sequence[Verdict]]) -> None:
    """One row per preset, lane and order."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_COLUMNS)
        for preset, verdicts in results.items():
            for verdict in verdicts:
                for row in verdict.rows:
                    writer.writerow(
                        [
                            preset,
                            verdict.lane,
                            row.order_id,
                            f"{row.planned_s:.3f}",
                            row.placing,
                            row.tries,
                            row.story or "",
                            row.books or "",
                            " ".join(row.anomalies),
                            _seconds(row.finished_s),
                            _seconds(row.latency_s),
                            row.total_cents,
                            int(row.needs_approval),
                            " ".join(row.breaches),
                        ]
                    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
