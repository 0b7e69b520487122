"""The retry numbers that both lanes share: first wait 3 s, 3 retries, backoff rate 2.0, full jitter.

The words and the arithmetic are those of a ``Retry`` of the Amazon States Language (IntervalSeconds, MaxAttempts,
BackoffRate, MaxDelaySeconds, JitterStrategy FULL), so that the state machine can state the very same numbers.
"""

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True)
class RetryPolicy:
    """``max_retries`` None: for ever (compensations)."""

    first_wait_s: float = 3.0
    max_retries: int | None = 3
    backoff_rate: float = 2.0
    max_wait_s: float = 60.0

    def may_retry(self, retries_made: int) -> bool:
        return self.max_retries is None or retries_made < self.max_retries

    def wait_s(self, retries_made: int, u: float) -> float:
        """Seconds before the next try, after ``retries_made`` retries; full jitter: uniform in [0, cap).

        ``u`` in [0, 1) is the caller's random number, so that this stays a plain function.
        """
        exponent = min(retries_made, 64)  # beyond it only overflow would differ: max_wait_s caps long before
        return u * min(self.max_wait_s, self.first_wait_s * self.backoff_rate**exponent)

    def scaled(self, time_scale: float) -> "RetryPolicy":
        return replace(self, first_wait_s=self.first_wait_s * time_scale, max_wait_s=self.max_wait_s * time_scale)


ACTION_RETRY: Final = RetryPolicy()
# A compensation is retried until it succeeds.
UNDO_RETRY: Final = RetryPolicy(max_retries=None)
