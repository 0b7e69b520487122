"""A fault plan: which faults a service meets, how often and how. Data only; ``dice`` reads it."""

from enum import StrEnum
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.commands import Refusal
from services.operations import SERVICE_OF, Operation, Service


class FaultKind(StrEnum):
    ERROR = "error"  # 503 before the effect
    HANG = "hang"  # no answer within the caller's timeout, no effect
    LOST_REPLY = "lost_reply"  # the effect is there, the answer is lost
    SLOW = "slow"
    REFUSAL = "refusal"
    BROKEN = "broken"  # every call fails until the rule is taken out of the plan
    CRASH = "crash"  # SIGKILL to itself


class CrashPoint(StrEnum):
    """Over HTTP, publishing is sending the answer, and acknowledging is being done with the request."""

    BEFORE_COMMIT = "before_commit"
    AFTER_COMMIT = "after_commit"
    BEFORE_PUBLISH = "before_publish"
    AFTER_PUBLISH = "after_publish"
    BEFORE_ACK = "before_ack"


# What a service says when a ``refusal`` rule names no reason.
USUAL_REFUSAL: Final = {Service.PAYMENT: Refusal.CARD_DECLINED, Service.WAREHOUSE: Refusal.OUT_OF_STOCK}


class Delay(BaseModel):
    """A named distribution of waits with its mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    distribution: Literal["constant", "uniform", "exponential"] = "exponential"
    mean_s: float = Field(gt=0, le=600, allow_inf_nan=False, strict=True)


class FaultRule(BaseModel):
    """One rule. ``operation`` None: every operation of the service; ``attempts`` None: every attempt of an order.

    ``reply``, ``delay``, ``point`` and ``refusal`` belong to one kind each and are left out of the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FaultKind
    service: Service
    operation: Operation | None = None
    probability: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False, strict=True)
    attempts: int | None = Field(default=None, ge=1, le=1_000_000, strict=True)
    point: CrashPoint | None = None
    reply: Literal["hang", "reset"] = "reset"
    delay: Delay | None = None
    refusal: Refusal | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.operation is not None and SERVICE_OF[self.operation] is not self.service:
            raise ValueError(f"{self.operation} is not an operation of {self.service}")
        if (self.kind is FaultKind.CRASH) != (self.point is not None):
            raise ValueError("a crash needs a point, and nothing else has one")
        if (self.kind is FaultKind.SLOW) != (self.delay is not None):
            raise ValueError("slow needs a delay, and nothing else has one")
        if self.refusal is not None and self.kind is not FaultKind.REFUSAL:
            raise ValueError("only the kind refusal has a refusal")
        if self.kind is FaultKind.REFUSAL and self.refusal is None and self.service not in USUAL_REFUSAL:
            raise ValueError(f"{self.service} has no usual refusal: name one")
        if self.kind is FaultKind.BROKEN and (self.probability != 1.0 or self.attempts is not None):
            raise ValueError("broken means every call: it has no probability and no attempts")
        return self


def refusal_of(rule: FaultRule) -> Refusal | None:
    """What the service says under this rule; None for every other kind."""
    if rule.kind is not FaultKind.REFUSAL:
        return None
    return rule.refusal or USUAL_REFUSAL[rule.service]


class FaultPlan(BaseModel):
    """The rules in force, for any number of services; each service follows its own. The first that fires wins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=-(2**63), lt=2**63, strict=True)
    rules: tuple[FaultRule, ...] = Field(default=(), max_length=100)

    def without_broken(self) -> "FaultPlan":
        """The plan after a repair."""
        return self.model_copy(update={"rules": tuple(r for r in self.rules if r.kind is not FaultKind.BROKEN)})


NO_FAULTS = FaultPlan()
