"""What one JSONata evaluation may cost: steps, depth, and the size of what it holds. No clock: it counts.

AWS bounds an evaluation too: about 100 levels deep, and about 7 MB held. Steps stand for its time. Work that the
library does outside of its evaluator (a native function over a long list, a deep comparison) is charged by the size of
what it is given, so that no expression can keep a worker for much longer than a second.
"""

from typing import Any, Final

MAX_STEPS: Final = 120_000
MAX_DEPTH: Final = 100
MAX_RANGE: Final = 873_782  # AWS accepts [1..873782] and refuses one more
MAX_WEIGHT: Final = MAX_RANGE * 8

_ARGUMENTS_A_STEP: Final = 16  # the library looks at each member of a list that it is given
_ITEMS_A_STEP: Final = 64
_NODES_A_STEP: Final = 16
_FLAT_NODES_A_STEP: Final = 256
_CHARS_A_STEP: Final = 1024
_MAX_INT_BITS: Final = 1024

_SCALARS: Final = frozenset({int, float, bool, type(None)})

TOO_DEEP: Final = (
    "Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive."
)
TOO_LONG: Final = "Expression evaluation timeout: Check for infinite loop"
TOO_BIG: Final = "Expression evaluation memory limit exceeded: Check for excessive memory usage"
NOT_FINITE: Final = "Number out of range"


class Impatient(BaseException):
    """Whoever asked for this advance has no time for it: it is to be made again where time is. Nothing catches it."""


class Patience:
    """What the expressions of one advance have taken so far, and may take at ``most``. Raises ``Impatient`` beyond."""

    __slots__ = ("most", "spent")

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.spent = 0

    @property
    def left(self) -> int:
        return MAX_STEPS if self.most is None else min(MAX_STEPS, max(0, self.most - self.spent))


class OutOfBounds(Exception):
    """The evaluation costs more than it may; the message is AWS's."""


class Meter:
    """Counts what one evaluation has cost so far."""

    __slots__ = ("_most", "depth", "steps")

    def __init__(self, most: int = MAX_STEPS) -> None:
        """Less than ``MAX_STEPS`` is somebody's patience."""
        self._most = most
        self.steps = 0
        self.depth = 0

    def enter(self) -> None:
        self.steps += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise OutOfBounds(TOO_DEEP)
        if self.steps > self._most:
            self._stop()

    def leave(self, result: Any) -> None:
        self.depth -= 1
        kind = type(result)
        if kind is str:
            self.hold(len(result))
        elif kind is int:
            if result.bit_length() > _MAX_INT_BITS:
                raise OutOfBounds(NOT_FINITE)
        elif isinstance(result, list):
            self.steps += len(result) // _ITEMS_A_STEP

    def charge(self, steps: int) -> None:
        self.steps += steps
        if self.steps > self._most:
            self._stop()

    def hold(self, chars: int) -> None:
        """A text of so many characters is there, or about to be made."""
        if chars > MAX_WEIGHT:
            raise OutOfBounds(TOO_BIG)
        self.steps += chars // _CHARS_A_STEP

    def charge_for(self, arguments: list[Any]) -> None:
        """A native function is given these: it may look at each member of a list, and each character."""
        for value in arguments:
            if isinstance(value, list | dict):
                self.charge(len(value) // _ARGUMENTS_A_STEP)
            elif type(value) is str:
                self.charge(len(value) // _CHARS_A_STEP)

    def _stop(self) -> None:
        raise Impatient if self._most < MAX_STEPS else OutOfBounds(TOO_LONG)

    def weigh(self, value: Any) -> int:
        """The bytes that ``value`` would take written out. What is shared counts as often as it is met."""
        total = nodes = 0
        pending = [value]
        while pending:
            node = pending.pop()
            nodes += 1
            if type(node) is str:
                total += len(node)
            elif isinstance(node, dict):
                total += 8 + sum(map(len, node))
                pending.extend(node.values())
            elif isinstance(node, list):
                total += 0 if nodes == 1 else 8
                if _SCALARS.issuperset(map(type, node)):
                    total += 8 * len(node)
                    self.charge(len(node) // _FLAT_NODES_A_STEP)
                else:
                    pending.extend(node)
            else:
                total += 8
            if total > MAX_WEIGHT:
                raise OutOfBounds(TOO_BIG)
        self.charge(nodes // _NODES_A_STEP)
        return total
