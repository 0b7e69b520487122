"""Errors of the durable runtime, named for what the worker does next."""


class OrchestrationError(Exception):
    """Root of all errors of this package."""


class Lost(OrchestrationError):
    """Another worker's append came first. ``in_doubt``: this one may have been stored before that all the same."""

    def __init__(self, message: str, *, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


class Overtaken(OrchestrationError):
    """Let go of the message, unacknowledged: whoever overtook this worker may have been given the same one.

    Acknowledged here, it would be gone for that worker too, and with it the execution should that worker die.
    """


class HistoryUnreachable(OrchestrationError):
    """Drop the execution: nothing can be stored now; redelivery takes it up again from what is stored."""


class NotDriven(OrchestrationError):
    """Open the execution anew: whoever drove it in this process has let it go."""


class Unreadable(OrchestrationError):
    """Set the message apart: what it holds is not what this program writes, and never will be."""


class NotHere(OrchestrationError):
    """Hand the message back: the execution lives in another worker's memory (practice ``outbox`` off)."""


class NotYet(OrchestrationError):
    """Ask again: the read model is being built, or does not hear from the broker."""


class Overloaded(OrchestrationError):
    """Try again later: too much of this kind is being done already."""
