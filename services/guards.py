"""Which guards stand: the practices that are on, less those that a test has taken out by name.

A guard is one mechanism that keeps a wrong result away. ``LAB_GUARDS_OFF`` takes single ones out, so that a test can
show that something goes red without it; each owner honours the guards of his own room.
"""

from dataclasses import dataclass
from typing import Final, Self

from services.operations import UNDOES
from services.practices import Practice
from services.settings import Settings

GUARDS: Final = frozenset(
    {"inbox", "idempotency", "outbox", "retries", "compare_and_set", "tombstone"}
    | {f"compensation:{undo}" for undo in UNDOES}
)


def check_guards(removed: frozenset[str]) -> None:
    """Raises ``ValueError`` naming the words that are no guards: a typo would leave a guard standing unseen."""
    if unknown := removed - GUARDS:
        raise ValueError(f"no such guard: {', '.join(sorted(unknown))}; known: {', '.join(sorted(GUARDS))}")


@dataclass(frozen=True)
class Guards:
    """The guards of a service. All stand under practice ``idempotency``, but ``outbox``, which is its own practice."""

    inbox: bool = True  # a message is acted upon once
    idempotency: bool = True  # a key gets its first answer; what is done already is not done again
    tombstone: bool = True  # an action that comes after its undo is refused
    outbox: bool = True  # outgoing messages are written in the effect's own transaction

    @classmethod
    def of(cls, settings: Settings) -> Self:
        removed = settings.guards_removed
        check_guards(removed)
        careful = Practice.IDEMPOTENCY in settings.practices
        return cls(
            inbox=careful and "inbox" not in removed,
            idempotency=careful and "idempotency" not in removed,
            tombstone=careful and "tombstone" not in removed,
            outbox=Practice.OUTBOX in settings.practices and "outbox" not in removed,
        )
