"""Errors of the broker, named for what the caller does next."""


class BrokerError(Exception):
    """Root of all errors of this package."""


class Conflict(BrokerError):
    """Read back and compare: the subject's last sequence was not the expected one."""


class NotStored(BrokerError):
    """Read back, or send again with the same id: no acknowledgement came; the message may be stored or not."""


class Rejected(BrokerError):
    """Give up: the server refused the message or request for good; the text says why."""
