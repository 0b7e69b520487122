"""How much of what really happened was found, and whether the diagnosis was right. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.diagnosis.diagnoser import diagnose
from lab.diagnosis.evidence import Evidence
from lab.diagnosis.truth import OrderTruth


@dataclass(frozen=True)
class Inquiry:
    """One order, what was found about it, and what finding it cost. ``failed``: it was not fulfilled.

    ``size``: bytes that were read.
    """

    truth: OrderTruth
    failed: bool
    evidence: Evidence
    stores: int
    queries: int
    size: int = 0


@dataclass(frozen=True)
class Score:
    """Shares are None where there was nothing to find. ``service`` … ``input``: the parts of a diagnosis."""

    orders: int
    failed: int
    edges: float | None
    diagnosed: float | None
    service: float | None
    step: float | None
    reason: float | None
    input: float | None
    stores: float | None
    queries: float | None
    read_bytes: float | None


def score(inquiries: Sequence[Inquiry]) -> Score:
    expected = found = 0
    parts: list[tuple[bool, bool, bool, bool]] = []
    for inquiry in inquiries:
        edges = inquiry.truth.edges
        expected += len(edges)
        found += sum(edge in inquiry.evidence.edges for edge in edges)
        truth = inquiry.truth.failure if inquiry.failed else None
        if truth is not None:
            told = diagnose(inquiry.evidence)
            parts.append(
                (False, False, False, False)
                if told is None
                else (
                    told.service == truth.service,
                    told.step == truth.step,
                    told.reason == truth.reason,
                    told.input == truth.input,
                )
            )
    return Score(
        orders=len(inquiries),
        failed=len(parts),
        edges=found / expected if expected else None,
        diagnosed=_share(all(each) for each in parts),
        service=_share(each[0] for each in parts),
        step=_share(each[1] for each in parts),
        reason=_share(each[2] for each in parts),
        input=_share(each[3] for each in parts),
        stores=_mean([inquiry.stores for inquiry in inquiries]),
        queries=_mean([inquiry.queries for inquiry in inquiries]),
        read_bytes=_mean([inquiry.size for inquiry in inquiries]),
    )


def _share(held: Iterable[bool]) -> float | None:
    return _mean([float(each) for each in held])


def _mean(figures: Sequence[float]) -> float | None:
    return sum(figures) / len(figures) if figures else None
