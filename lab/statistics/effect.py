"""How large a difference is beside the scatter of the blocks. Pure."""

import math
from dataclasses import dataclass

from lab.statistics.resampling import Floats


@dataclass(frozen=True)
class Effect:
    """Of the second arm against the first."""

    higher_in: int  # blocks
    lower_in: int
    blocks: int
    standardized: float | None  # mean difference / its standard deviation; None where the blocks do not scatter

    @property
    def dominance(self) -> float:
        """Cliff's delta within blocks: 1 always higher, -1 always lower, 0 as often one as the other."""
        return (self.higher_in - self.lower_in) / self.blocks if self.blocks else 0.0


def effect(differences: Floats) -> Effect:
    """Of one difference for each block. The standardized one is Hedges' g of paired figures, mended for few blocks."""
    blocks = len(differences)
    spread = float(differences.std(ddof=1)) if blocks > 2 else 0.0
    scale = float(abs(differences).max(initial=0.0))
    small_sample = 1 - 3 / (4 * (blocks - 1) - 1) if blocks > 2 else math.nan
    return Effect(
        higher_in=int((differences > 0).sum()),
        lower_in=int((differences < 0).sum()),
        blocks=blocks,
        standardized=float(differences.mean()) / spread * small_sample if spread > 1e-12 * scale else None,
    )
