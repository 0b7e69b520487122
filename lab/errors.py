"""Errors of the lab, named for what its user does next. Each text is one line that a person can act upon."""


class LabError(Exception):
    """Root of all errors of this package. ``exit_code`` is the command line's."""

    exit_code = 1


class BadInput(LabError):
    """Ask differently: an option, a name or a file is wrong."""

    exit_code = 2


class NotUp(BadInput):
    """Start a lab first."""


class Starting(NotUp):
    """Ask again in a moment."""


class AlreadyUp(BadInput):
    """Stop the other lab, or choose another home."""


class PortInUse(BadInput):
    """Choose other ports, or stop what holds them."""


class NotReady(LabError):
    """Read the report: a process died or was not ready in time. The text carries its last output lines."""


class Refused(LabError):
    """Change the request: the lane understood it and said no."""


class OutOfReach(LabError):
    """Try again, or look at ``lab status``: a process of the lab gave no answer."""
