"""The keyed dice: a plain function of seed, order, service, operation and attempt. No state, no clock, no randomness.

The same order meets the same fault whatever lane it goes through, whatever else happens, and again on a rerun. Each
rule rolls its own dice, keyed by what the rule is about but not by its place or its probability: taking one rule out of
a plan (a repair) changes no other roll, and raising a probability only adds faults.
"""

import math
from hashlib import blake2b

from services.faults.plan import Delay, FaultKind, FaultPlan, FaultRule
from services.operations import Operation, Service

# An exponential wait has no upper end; every wait of ours has.
MAX_MEANS = 10.0


def outcome(plan: FaultPlan, order_id: str, service: Service, operation: Operation, attempt: int) -> FaultRule | None:
    """The fault that this attempt meets: what is broken first, then the first rule whose dice say so."""
    mine = [rule for rule in plan.rules if rule.service is service and rule.operation in (None, operation)]
    for rule in mine:
        if rule.kind is FaultKind.BROKEN:
            return rule
    for rule in mine:
        if rule.attempts is not None and attempt > rule.attempts:
            continue
        if rule.probability >= 1.0 or roll(plan.seed, rule, order_id, operation, attempt, "hit") < rule.probability:
            return rule
    return None


def delay_s(plan: FaultPlan, rule: FaultRule, order_id: str, operation: Operation, attempt: int) -> float:
    """How long this attempt is slow."""
    if rule.delay is None:
        return 0.0
    return _quantile(rule.delay, roll(plan.seed, rule, order_id, operation, attempt, "delay"))


def roll(seed: int, rule: FaultRule, order_id: str, operation: Operation, attempt: int, purpose: str) -> float:
    """Uniform in [0, 1)."""
    words = (seed, purpose, rule.kind, rule.point or "", rule.service, order_id, operation, attempt)
    digest = blake2b("\x1f".join(map(str, words)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def _quantile(delay: Delay, u: float) -> float:
    match delay.distribution:
        case "constant":
            return delay.mean_s
        case "uniform":
            return 2 * u * delay.mean_s
        case "exponential":
            return min(MAX_MEANS, -math.log1p(-u)) * delay.mean_s
