"""The mean of the blocks' differences: its interval, and the p-value that is its exact counterpart.

Two methods are asked, and what holds must hold by both: the interval is the hull of theirs, the p-value the larger.

- Percentile-t bootstrap: follows skewed differences, which a t-interval at ten blocks does not.
- Means of random subsets (Hartigan 1969; the inverted sign-flip test): exact at any number of blocks where the two
  arms are alike, as then each difference could as well have had the other sign. This is what keeps A/A quiet.

Either alone misses its level in one of those cases; docs/decisions/0027 has the figures. Pure.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from lab.statistics.resampling import DRAWS, Floats, draws

# A standard error below this share of the largest difference is rounding, not scatter.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True)
class Interval:
    """``-inf`` or ``inf``: so few blocks do not bound it on this side."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)


class PairedMean:
    """Of one figure for each block. Draws once, then answers for any level."""

    def __init__(self, differences: Floats, count: int = DRAWS) -> None:
        self.blocks = len(differences)
        self.mean = float(differences.mean()) if self.blocks else math.nan
        self._drawn = draws(self.blocks, count) if self.blocks > 1 else None
        self._scale = float(np.abs(differences).max(initial=0.0))
        self._moved = int(np.count_nonzero(np.abs(differences) > _ROUNDING * self._scale))
        if self._drawn is not None:
            spread = differences.std(ddof=1)
            self._error = float(spread / math.sqrt(self.blocks)) if spread > _ROUNDING * self._scale else 0.0
            self._studentized = _studentized(differences, self._drawn.bootstrap, self._scale)
            self._subset_means = np.sort(self._drawn.subsets @ differences)

    @property
    def smallest_p(self) -> float:
        """The smallest p that these blocks can give, whichever signs their differences had (Tarone 1990)."""
        if self._drawn is None:
            return 1.0
        return min(1.0, max(2.0 ** (1 - self._moved), self._drawn.finest_p))

    def interval(self, level: float) -> Interval:
        """Two-sided. ``level``: 0.95, say."""
        if self._drawn is None:
            return Interval(-math.inf, math.inf)
        low, high = _between(self._subset_means, 1 - level)
        if self._error:
            least, most = _between(self._studentized, 1 - level)
            low, high = min(low, self.mean - most * self._error), max(high, self.mean - least * self._error)
        return Interval(low, high)

    @property
    def p_value(self) -> float:
        """Two-sided, of no difference. At most ``a`` exactly where the interval of level ``1 - a`` leaves out 0."""
        if self._drawn is None:
            return 1.0
        found = _two_sided(self._subset_means, _ROUNDING * self._scale)
        if self._error:
            shifted = self._studentized - self.mean / self._error
            found = max(found, _two_sided(shifted, _ROUNDING))
        return found


def _studentized(differences: Floats, weights: Floats, scale: float) -> Floats:
    """Sorted; samples without scatter (one block drawn again and again) say nothing of it and are left out."""
    blocks = len(differences)
    centred = differences - differences.mean()
    means = weights @ centred
    variances = np.maximum(weights @ centred**2 - means**2, 0.0) / (blocks - 1)
    told = variances > (_ROUNDING * scale) ** 2 * blocks
    return np.sort(means[told] / np.sqrt(variances[told]))


def _between(ordered: Floats, share: float) -> tuple[float, float]:
    """What leaves out half of ``share`` on either side; unbounded where there are too few draws for that."""
    rank = math.floor(share / 2 * (len(ordered) + 1) * (1 + 1e-9))
    if rank < 1:
        return -math.inf, math.inf
    return float(ordered[rank - 1]), float(ordered[len(ordered) - rank])


def _two_sided(ordered: Floats, tolerance: float) -> float:
    below = np.searchsorted(ordered, tolerance, side="right")
    above = len(ordered) - np.searchsorted(ordered, -tolerance, side="left")
    return float(min(1.0, 2 * (min(below, above) + 1) / (len(ordered) + 1)))
