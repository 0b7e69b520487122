"""Many comparisons at once: Holm's correction over those that could show anything at all (Tarone 1990). Pure.

A comparison whose blocks hardly differ (no order was lost in either arm, say) cannot become a finding whichever signs
its differences have. Setting it aside by the sizes of the differences alone costs nothing and leaves the others power.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Corrected:
    """One comparison in its family. ``divisor``: the level at which it was decided is alpha / divisor."""

    p_adjusted: float
    divisor: int
    found: bool
    able: bool  # False: it could not have been found, whatever its signs


def correct(comparisons: Sequence[tuple[float, float]], alpha: float) -> tuple[Corrected, ...]:
    """Each comparison: its p, and the smallest that it could have given."""
    size = family_size([smallest for _, smallest in comparisons], alpha)
    holm = iter(_holm([p for p, smallest in comparisons if smallest <= alpha / size], alpha))
    return tuple(
        next(holm) if smallest <= alpha / size else Corrected(min(1.0, p * size), size, found=False, able=False)
        for p, smallest in comparisons
    )


def family_size(smallest: Sequence[float], alpha: float) -> int:
    """The least K such that at most K comparisons can reach alpha / K."""
    return next(
        size for size in range(1, len(smallest) + 2) if sum(least <= alpha / size for least in smallest) <= size
    )


def _holm(p_values: Sequence[float], alpha: float) -> list[Corrected]:
    """From the smallest p on, each by one less; none is called more certain than one before it (Holm 1979)."""
    tried = len(p_values)
    order = sorted(range(tried), key=lambda index: p_values[index])
    adjusted = list(accumulate((min(1.0, p_values[index] * (tried - rank)) for rank, index in enumerate(order)), max))
    found = sum(p <= alpha for p in adjusted)
    corrected = {
        index: Corrected(p, tried - min(rank, found), found=p <= alpha, able=True)
        for rank, (index, p) in enumerate(zip(order, adjusted, strict=True))
    }
    return [corrected[index] for index in range(tried)]
