"""Many comparisons at once: Holm's correction over those that could show anything at all (Tarone 1990). Pure.

A comparison whose blocks hardly differ (no order was lost in either arm, say) cannot become a finding whichever signs
its differences have. Setting it aside by the sizes of the differences alone costs nothing and leaves the others power.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from statsmodels.stats.multitest import multipletests


@dataclass(frozen=True)
class Corrected:
    """One comparison in its family. ``divisor``: the level at which it was decided is alpha / divisor."""

    p_adjusted: float
    divisor: int
    found: bool
    able: bool  # False: it could not have been found, whatever its signs


def correct(p_values: Sequence[float], smallest: Sequence[float], alpha: float) -> tuple[Corrected, ...]:
    """``smallest``: the least p that each comparison could have given."""
    size = family_size(smallest, alpha)
    able = [least <= alpha / size for least in smallest]
    tried = [p for p, can in zip(p_values, able, strict=True) if can]
    holm = iter(_holm(tried, alpha))
    return tuple(
        next(holm) if can else Corrected(min(1.0, p * size), size, found=False, able=False)
        for p, can in zip(p_values, able, strict=True)
    )


def family_size(smallest: Sequence[float], alpha: float) -> int:
    """The least K such that at most K comparisons can reach alpha / K."""
    return next(
        size for size in range(1, len(smallest) + 2) if sum(least <= alpha / size for least in smallest) <= size
    )


def _holm(p_values: Sequence[float], alpha: float) -> list[Corrected]:
    if not p_values:
        return []
    _, adjusted, *_ = multipletests(p_values, alpha, method="holm")
    ranks = np.argsort(np.argsort(p_values, kind="stable"), kind="stable")
    found = int((adjusted <= alpha).sum())
    return [
        Corrected(float(p), len(p_values) - min(int(rank), found), found=bool(p <= alpha), able=True)
        for p, rank in zip(adjusted, ranks, strict=True)
    ]
