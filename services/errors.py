"""Errors of the services, named for what the caller does next."""


class ServiceError(Exception):
    """Root of all errors of this package."""


class TechnicalError(ServiceError):
    """Retry. ``attempt`` counts the tries of this order and operation, this one included, from 1."""

    def __init__(self, message: str, *, kind: str, attempt: int) -> None:
        super().__init__(message)
        self.kind = kind
        self.attempt = attempt


class Unavailable(TechnicalError):
    """Refused before any effect (HTTP 503)."""


class NoAnswer(TechnicalError):
    """No answer came: the effect may be there (``lost_reply``) or not (``hang``); only the ledger knows."""


class KeyReused(ServiceError):
    """Give up: the idempotency key was used before with another body (HTTP 422)."""


class Unstorable(ServiceError):
    """Give up: the database refuses what this command would write, now and ever (HTTP 422); nothing was done."""


class CannotStart(ServiceError):
    """Mend what it names (a password, an address, a peer that is not there), and start again."""


class LedgerUnavailable(ServiceError):
    """Retry: the ledger could not commit; nothing was done."""
