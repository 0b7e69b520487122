"""An order's spans as a tree to read. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.diagnosis.seen import SeenSpan


@dataclass(frozen=True)
class Branch:
    """One span. ``lost_parent``: its parent is named, and was never seen."""

    depth: int
    span: SeenSpan
    after_s: float
    lost_parent: bool


def branches(spans: Iterable[SeenSpan]) -> list[Branch]:
    """Each span under its parent, those of one parent in the order of their beginnings."""
    known = {span.span_id: span for span in spans}
    below: dict[str | None, list[SeenSpan]] = {}
    for span in sorted(known.values(), key=lambda each: (each.began_at, each.span_id)):
        below.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
    first = min((span.began_at for span in known.values()), default=0.0)
    return list(_walk(below, below.get(None, ()), 0, first))


def _walk(
    below: dict[str | None, list[SeenSpan]], spans: Sequence[SeenSpan], depth: int, first: float
) -> Iterator[Branch]:
    for span in spans:
        yield Branch(depth, span, span.began_at - first, lost_parent=depth == 0 and span.parent_id is not None)
        yield from _walk(below, below.get(span.span_id, ()), depth + 1, first)
