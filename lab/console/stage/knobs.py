"""The faults of the stage as knobs: each sets one rule in a service's fault plan, and reads it back from there. Pure.

What is on is never remembered by the console: it is read off the plans in force, whoever made them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.faults.plan import CrashPoint, Delay, FaultKind, FaultPlan, FaultRule
from services.operations import Operation, Service


@dataclass(frozen=True)
class Knob:
    """``most`` None: a switch. Else a slider from 0 (off) to ``most``, in ``unit``."""

    name: str
    says: str
    service: Service
    rule: Mapping[str, Any]
    operation: Operation | None = None
    most: float | None = None
    unit: str = "%"

    @property
    def is_switch(self) -> bool:
        return self.most is None

    def made(self, level: float) -> FaultRule:
        """The rule at this level, which must be over 0."""
        fields: dict[str, Any] = {"service": self.service, "operation": self.operation, **self.rule}
        if self.unit == "s":
            fields["delay"] = Delay(mean_s=float(level))
        elif not self.is_switch:
            fields["probability"] = level / 100
        return FaultRule(**fields)

    def level_of(self, rule: FaultRule) -> float:
        if self.unit == "s" and rule.delay is not None:
            return rule.delay.mean_s
        return 1.0 if self.is_switch else round(rule.probability * 100, 6)

    def is_mine(self, rule: FaultRule) -> bool:
        made = self.made(self.most or 1.0)
        return (rule.kind, rule.service, rule.operation, rule.point) == (
            made.kind,
            made.service,
            made.operation,
            made.point,
        )


def _lost_reply(service: Service) -> Knob:
    return Knob(
        f"Lose replies of {service}",
        f"So many of {service}'s answers are lost after the work was done; a listener hears the event twice",
        service,
        {"kind": FaultKind.LOST_REPLY},
        most=50.0,
    )


KNOBS: Final = (
    Knob(
        "Break the label printer",
        "Every label fails until the switch is off again: out of ink",
        Service.SHIPPING,
        {"kind": FaultKind.BROKEN},
        Operation.PRINT_LABEL,
    ),
    Knob(
        "Printer jams",
        "So many labels fail at one try; a retry may succeed",
        Service.SHIPPING,
        {"kind": FaultKind.ERROR},
        Operation.PRINT_LABEL,
        most=100.0,
    ),
    _lost_reply(Service.PAYMENT),
    _lost_reply(Service.SHIPPING),
    Knob(
        "Slow the warehouse",
        "Every reservation takes so many seconds more, on average",
        Service.WAREHOUSE,
        {"kind": FaultKind.SLOW},
        Operation.RESERVE,
        most=2.0,
        unit="s",
    ),
    Knob(
        "Decline cards",
        "So many charges are refused: a business outcome, which nobody retries",
        Service.PAYMENT,
        {"kind": FaultKind.REFUSAL},
        Operation.CHARGE,
        most=100.0,
    ),
    Knob(
        "Crash the warehouse",
        "After so many reservations the process dies by SIGKILL, before anybody hears of it",
        Service.WAREHOUSE,
        {"kind": FaultKind.CRASH, "point": CrashPoint.AFTER_COMMIT},
        Operation.RESERVE,
        most=20.0,
    ),
)


def level(plan: FaultPlan, knob: Knob) -> float:
    """0: off."""
    return next((knob.level_of(rule) for rule in plan.rules if knob.is_mine(rule)), 0.0)


def turned(plan: FaultPlan, knob: Knob, to: float) -> FaultPlan:
    """The plan with this knob at that level; every other rule stays as it is."""
    others = tuple(rule for rule in plan.rules if not knob.is_mine(rule))
    rules = (knob.made(to), *others) if to > 0 else others
    return plan.model_copy(update={"rules": rules})


def strangers(plan: FaultPlan) -> tuple[FaultRule, ...]:
    """Rules in force that no knob shows."""
    return tuple(rule for rule in plan.rules if not any(knob.is_mine(rule) for knob in KNOBS))
