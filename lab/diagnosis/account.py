"""What was found out about the orders of some scenarios, as a page of Markdown. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lab.diagnosis.scoring import Score

SHARES: Final = ("edges", "diagnosed", "service", "step", "reason", "input")
COSTS: Final = ("stores", "queries", "read_bytes")
INTRODUCTION: Final = """# How well each lane explains itself

Made by `lab diagnose {names} --seed {seed} --write docs/diagnosis.md`, at revision {revision}. Both lanes ran
hardened, under the same orders and faults; how it is measured stands in [Traces](tracing.md). *failed*: orders that
failed of one injected fault, of those looked at; *edges*: share of the certain causal edges that were found (recall
only: a history in one line claims that each step led to the next); *diagnosed*: service, step, reason and input all
right. *read*: bytes read for one order."""


@dataclass(frozen=True)
class Diagnosed:
    """One lane: its scores by source, and the bytes of telemetry for each accepted order."""

    scores: Mapping[str, Score]
    bytes_per_order: float


def markdown(found: Mapping[str, Mapping[str, Diagnosed]], seed: int, revision: str) -> str:
    """``found``: by scenario, then by lane."""
    sections = (line for name, lanes in found.items() for line in _section(name, lanes))
    return "\n".join([INTRODUCTION.format(names=" ".join(found), seed=seed, revision=revision), *sections, ""])


def _section(name: str, lanes: Mapping[str, Diagnosed]) -> Iterator[str]:
    yield f"\n## {name}\n"
    yield f"| lane | asked | failed | {' | '.join(SHARES)} | stores | queries | read |"
    yield f"| --- | --- |{' ---: |' * (1 + len(SHARES) + len(COSTS))}"
    for lane, diagnosed in lanes.items():
        for source, score in diagnosed.scores.items():
            yield f"| {' | '.join((lane, source, *cells(score)))} |"
    yield ""
    yield from (
        f"{lane}: {diagnosed.bytes_per_order:,.0f} bytes of telemetry for each accepted order.  "
        for lane, diagnosed in lanes.items()
    )


def cells(score: Score) -> tuple[str, ...]:
    """Empty where there was nothing to find."""
    shares = ("" if (share := getattr(score, name)) is None else f"{share:.1%}" for name in SHARES)
    costs = ("" if (mean := getattr(score, name)) is None else _cost(mean) for name in COSTS)
    return (f"{score.failed} of {score.orders}", *shares, *costs)


def _cost(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= 100 else f"{mean:.1f}"
