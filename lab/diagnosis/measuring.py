"""Traceability of a lane that is still up, at the end of a trial: asks its front door and the collector, and scores.

Every order is looked for with the same budget of queries in every lane; a source that would need more is not asked.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lab.collect import LaneReader
from lab.diagnosis.evidence import NOTHING, Evidence
from lab.diagnosis.reading import SpanReader
from lab.diagnosis.scoring import Inquiry, Score, score
from lab.diagnosis.seen import SeenSpan
from lab.diagnosis.span_evidence import lose, of_spans, sample
from lab.diagnosis.trail_evidence import of_trail
from lab.diagnosis.truth import OrderTruth
from services.trail import OrderTrail
from telemetry.ids import trace_id_of

BUDGET: Final = 3  # queries an order
MOST_ORDERS: Final = 60  # of those that failed, and of the others
SAMPLED: Final = 0.1
LOST: Final = 0.1
# Longer than a process gathers spans before it sends them.
SETTLED_S: Final = 1.0
AT_ONCE: Final = 8

NATIVE, OTEL, BOTH = "trail", "spans", "trail and spans"
SAMPLED_OTEL, LOSSY_OTEL = f"spans, {SAMPLED:.0%} sampled", f"spans, {LOST:.0%} lost"


@dataclass(frozen=True)
class Told:
    """What each source has of one order."""

    trail: OrderTrail | None
    spans: Sequence[SeenSpan]


async def measure_traceability(
    reader: LaneReader,
    truths: Mapping[str, OrderTruth],
    failed: Collection[str],
    traces: SpanReader | None = None,
) -> dict[str, float | None]:
    """The measures of ``lab.experiment.measures`` with the criterion traceability, from all that there is.

    ``truths``: of the accepted orders; ``failed``: those that were not fulfilled. ``traces`` None: no spans were made.
    """
    scores = await scores_of(reader, truths, failed, traces)
    best = scores[NATIVE if traces is None else BOTH]
    size = None if traces is None else await traces.bytes_of(reader.address.lane)
    return {
        "edges_share": best.edges,
        "diagnosed_share": best.diagnosed,
        "stores_for_story": best.stores,
        "queries_for_story": best.queries,
        "telemetry_bytes_per_order": None if size is None or not truths else size / len(truths),
    }


async def scores_of(
    reader: LaneReader, truths: Mapping[str, OrderTruth], failed: Collection[str], traces: SpanReader | None
) -> dict[str, Score]:
    """By source."""
    chosen = _chosen(truths, failed)
    told = await _ask(reader, chosen, traces)

    def scored(evidence_of: Any) -> Score:
        return score(
            [Inquiry(truths[order_id], order_id in failed, *evidence_of(told[order_id])) for order_id in chosen]
        )

    scores = {NATIVE: scored(_native)}
    if traces is not None:
        scores[OTEL] = scored(lambda each: _otel(each.spans))
        scores[BOTH] = scored(lambda each: _together(_native(each), _otel(each.spans)))
        scores[SAMPLED_OTEL] = scored(lambda each: _otel(sample(each.spans, SAMPLED)))
        scores[LOSSY_OTEL] = scored(lambda each: _otel(lose(each.spans, LOST)))
    return scores


def _chosen(truths: Mapping[str, OrderTruth], failed: Collection[str]) -> list[str]:
    """The same in every lane that has the same orders, and in no order of time."""
    in_turn = sorted(truths, key=lambda order_id: trace_id_of("chosen", order_id))
    bad = [order_id for order_id in in_turn if order_id in failed]
    good = [order_id for order_id in in_turn if order_id not in failed]
    return bad[:MOST_ORDERS] + good[:MOST_ORDERS]


async def _ask(reader: LaneReader, chosen: Sequence[str], traces: SpanReader | None) -> dict[str, Told]:
    gate = asyncio.Semaphore(AT_ONCE)
    trails = await reader.trails(chosen)
    if traces is not None:
        await asyncio.sleep(SETTLED_S)

    async def ask(order_id: str) -> tuple[str, Told]:
        trail = trails.get(order_id)
        async with gate:
            spans = [] if traces is None else await traces.of_order(reader.address.lane, order_id)
        return order_id, Told(None if trail is None else OrderTrail.model_validate(trail), spans)

    return dict(await asyncio.gather(*map(ask, chosen)))


# What was found, and the stores, queries and bytes that it took.
_Found = tuple[Evidence, int, int, int]


def _native(told: Told) -> _Found:
    trail = told.trail
    if trail is None or trail.queries > BUDGET:
        return NOTHING, 0, 0, 0
    return of_trail(trail), len(trail.stores), trail.queries, len(trail.model_dump_json())


def _otel(spans: Sequence[SeenSpan]) -> _Found:
    return of_spans(spans), 1, 1, sum(span.size for span in spans)


def _together(first: _Found, second: _Found) -> _Found:
    if first[2] + second[2] > BUDGET:
        return first
    return first[0].with_other(second[0]), first[1] + second[1], first[2] + second[2], first[3] + second[3]
