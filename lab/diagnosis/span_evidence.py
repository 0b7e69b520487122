"""What an order's spans tell: one attempt led to another where its span is around the other's, or is linked to it, or
where the one had ended before the other began, which is under the same parent or linked to it. That parent itself need
not be there. Pure; it must not know a lane.
"""

from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import Final

from lab.diagnosis.evidence import Evidence, Fact, closure
from lab.diagnosis.seen import SeenSpan
from lab.diagnosis.truth import PLACED, Edge, Step
from services.spans import ATTEMPT, LINES, OPERATION, SERVICE, TOTAL_CENTS
from telemetry.ids import sampled, span_id_of

PLACING: Final = "POST /orders"


def of_spans(spans: Sequence[SeenSpan]) -> Evidence:
    trace = _Trace(spans)
    labelled = [(span, step) for span in spans if (step := _step(span)) is not None]
    edges: set[Edge] = {
        (cause, effect)
        for (before, cause), (after, effect) in permutations(labelled, 2)
        if cause != effect and trace.leads(before, after)
    }
    facts = tuple(
        Fact(span.ended_at, str(span.attributes.get(SERVICE, "")), step.operation, step.attempt, span.error)
        for span, step in labelled
        if step != PLACED
    )
    return Evidence(closure(edges), facts, next(filter(None, map(_input, spans)), ""))


def _step(span: SeenSpan) -> Step | None:
    if span.name == PLACING:
        return PLACED
    if OPERATION not in span.attributes or ATTEMPT not in span.attributes:
        return None
    return Step(str(span.attributes[OPERATION]), int(span.attributes[ATTEMPT]))


def _input(span: SeenSpan) -> str:
    if LINES not in span.attributes:
        return ""
    return f"{span.attributes.get(TOTAL_CENTS)}: {span.attributes[LINES]}"


class _Trace:
    def __init__(self, spans: Iterable[SeenSpan]) -> None:
        self._spans = {span.span_id: span for span in spans}
        self._around = {span_id: self._lines_up(span) for span_id, span in self._spans.items()}

    def leads(self, before: SeenSpan, after: SeenSpan) -> bool:
        if before.span_id in self._around[after.span_id]:
            return True
        ours, theirs = self._around[before.span_id], self._around[after.span_id]
        return any(
            one.parent_id in (other.parent_id, *other.links)
            and one.span_id != other.span_id
            and one.ended_at <= other.began_at
            for one in ours.values()
            for other in theirs.values()
            if one.parent_id is not None
        )

    def _lines_up(self, span: SeenSpan) -> dict[str, SeenSpan]:
        """The span and all that is known to be above it, by parents and links."""
        found: dict[str, SeenSpan] = {}
        rest = [span]
        for each in rest:  # grows as it is walked
            if each.span_id in found:
                continue
            found[each.span_id] = each
            above = (each.parent_id, *each.links)
            rest += [self._spans[span_id] for span_id in above if span_id is not None and span_id in self._spans]
        return found


def sample(spans: Iterable[SeenSpan], ratio: float) -> list[SeenSpan]:
    """What processes that record this share of traces would have sent: they decide by the trace's id, as here."""
    return [span for span in spans if sampled(span.trace_id, ratio)]


def lose(spans: Iterable[SeenSpan], share: float) -> list[SeenSpan]:
    """What is left where each span is lost with this probability; the same ones every time."""
    return [span for span in spans if not sampled(span_id_of(span.span_id, "lost"), share)]
