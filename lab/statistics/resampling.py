"""The draws that intervals are made from: bootstrap samples and random subsets of the blocks. The same every time."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXACT_UP_TO: Final = 14  # blocks: all 2^n - 1 subsets are taken; beyond, a random share of them
DRAWS: Final = 2**15
SEED: Final = 20_260_101


@dataclass(frozen=True)
class Draws:
    """Rows are draws, columns blocks, entries weights that sum to 1 in each row."""

    bootstrap: Floats
    subsets: Floats

    @property
    def finest_p(self) -> float:
        """The smallest two-sided p that so many draws can tell."""
        return 2 / (1 + min(len(self.bootstrap), len(self.subsets)))


@lru_cache(maxsize=16)
def draws(blocks: int, count: int = DRAWS) -> Draws:
    """The draws for so many blocks."""
    rng = np.random.default_rng([SEED, blocks])
    bootstrap = rng.multinomial(blocks, [1 / blocks] * blocks, size=count) / blocks
    chosen = _subsets(blocks, count, rng).astype(np.float64)
    return Draws(bootstrap, chosen / chosen.sum(axis=1, keepdims=True))


def _subsets(blocks: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Never the empty one."""
    if blocks <= EXACT_UP_TO:
        return (np.arange(1, 2**blocks)[:, None] >> np.arange(blocks)) & 1
    chosen = rng.integers(0, 2, size=(count, blocks))
    return chosen[chosen.any(axis=1)]
