"""What follows from an execution's start alone: the same for whoever derives it, so true before it is stored. Pure."""

import hashlib
from collections.abc import Callable, Sequence

from orchestration.asl.interpreter import ExecutionState, Machine, advance
from orchestration.asl.protocol import HistoryEvent, Now
from orchestration.rfc3339 import epoch_s, rfc3339
from orchestration.runtime.records import Start


def first_now(execution: str, began_at: str) -> Now:
    """The instant when the start became durable, and a number drawn from the execution's name."""
    digest = hashlib.blake2b(execution.encode(), digest_size=6).digest()
    return Now(epoch_s(began_at), int.from_bytes(digest) / 2**48)


def first_events(
    machine: Machine, execution: str, start: Start, began_at: float, token_of: Callable[[int, int], str]
) -> Sequence[HistoryEvent]:
    """The history up to the first thing that is waited for. ``began_at``: epoch seconds of the start's storing."""
    now = first_now(execution, rfc3339(began_at))
    return advance(machine, ExecutionState.initial(), start.first_input(execution), now, token_of).history
