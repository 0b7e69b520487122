"""Errors of the choreography, named for what the caller does next."""


class ChoreographyError(Exception):
    """Root of all errors of this package."""


class Malformed(ChoreographyError):
    """Park it: no event can be read from this message, now or ever; the text says why."""


class NotReplayable(ChoreographyError):
    """Tell the person who asked: this dead letter cannot be replayed as asked; the text says why."""
