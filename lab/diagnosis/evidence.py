"""What somebody who looks for an order finds: which attempts led to which, and what failed. Pure.

The same shape for whatever was asked, so that one script can diagnose it all (``trail_evidence``, ``span_evidence``).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lab.diagnosis.truth import Edge, Step


@dataclass(frozen=True)
class Fact:
    """An attempt of which something was recorded. ``error`` None: it went well, or nobody said otherwise."""

    at: float
    service: str
    operation: str
    attempt: int
    error: str | None


@dataclass(frozen=True)
class Evidence:
    """``edges`` is transitive: every earlier attempt that led to a later one, directly or not. ``input`` is empty where
    the order's body was not found."""

    edges: frozenset[Edge]
    facts: tuple[Fact, ...]
    input: str

    def with_other(self, other: "Evidence") -> "Evidence":
        """Both together: what the one lacks the other may have."""
        return Evidence(closure(self.edges | other.edges), self.facts + other.facts, self.input or other.input)


NOTHING = Evidence(frozenset(), (), "")


def closure(edges: Iterable[Edge]) -> frozenset[Edge]:
    """With every step that is led to over others."""
    following: dict[Step, set[Step]] = {}
    for cause, effect in edges:
        following.setdefault(cause, set()).add(effect)
    found: set[Edge] = set()
    for cause in following:
        rest, seen = list(following[cause]), set(following[cause])
        for effect in rest:  # grows as it is walked
            fresh = following.get(effect, set()) - seen
            rest.extend(fresh)
            seen |= fresh
        found |= {(cause, effect) for effect in seen}
    return frozenset(found)
