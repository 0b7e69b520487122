"""State machines, inputs and what their tasks answer, drawn from a seed.

Each machine ends whatever its tasks answer: states only lead onwards, and what fails for good is caught or ends it.
What it comes to is no matter of timing: deadlines are either far off or sure to pass, and only the outermost states
fail for good, for how far a branch gets before its sibling's failure ends it is chance.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

Definition = dict[str, Any]
DEPTH = 2
ERRORS = ("Http.Unavailable", "States.Timeout", "Refused")


@dataclass
class Drawn:
    """``failures``: by state, the errors that its first calls meet; then it succeeds."""

    random: Random
    failures: dict[str, tuple[str, ...]] = field(default_factory=dict)
    states: int = 0

    def machine(self) -> Definition:
        machine = self._graph(DEPTH)
        if self.random.random() < 0.2:
            machine["TimeoutSeconds"] = 100_000
        return machine

    def _graph(self, depth: int) -> Definition:
        names = [self._name() for _ in range(self.random.randint(1, 4 if depth == DEPTH else 2))]
        states = {name: self._state(name, depth) for name in names}
        for name, following in zip(names, [*names[1:], None], strict=True):
            self._lead_on(states[name], following)
        return {"StartAt": names[0], "States": states}

    def _name(self) -> str:
        self.states += 1
        return f"S{self.states}"

    def _lead_on(self, state: Definition, following: str | None) -> None:
        if state["Type"] == "Choice":
            state["Choices"][0]["Next"] = state["Default"] = following or "S1"
            if following is None:
                state.clear()
                state["Type"] = "Succeed"
            return
        state |= {"End": True} if following is None else {"Next": following}
        if following is not None and "Retry" in state and self.random.random() < 0.5:
            state["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": following}]

    def _state(self, name: str, depth: int) -> Definition:
        kinds = ["Task", "Task", "Task", "Wait", "Pass", "Choice", "Ask"] + (["Parallel", "Map"] if depth else [])
        match self.random.choice(kinds):
            case "Task":
                return self._task(name, "http://x/y", depth)
            case "Ask":
                limits = self.random.choice(({}, {"TimeoutSeconds": 50_000}, {"HeartbeatSeconds": 40_000}))
                return {**self._task(name, "ask:x.waitForTaskToken", depth), **limits}
            case "Wait":
                return {"Type": "Wait", "Seconds": self.random.choice((0, 1, 4, 6, 1000, 200_000))}
            case "Pass":
                return {"Type": "Pass", "Result": name, "ResultPath": f"$.{name}"}
            case "Choice":
                return {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1}], "Default": ""}
            case "Parallel":
                branches = [self._graph(depth - 1) for _ in range(self.random.randint(1, 3))]
                return {"Type": "Parallel", "Branches": branches, "ResultPath": f"$.{name}", **self._retried(1)}
            case _:
                concurrency = self.random.choice((0, 1, 2))
                every = {"ItemsPath": "$.items", "MaxConcurrency": concurrency, "ResultPath": f"$.{name}"}
                select = {"n.$": "$$.Map.Item.Value", "items.$": "$.few"}
                return {
                    "Type": "Map",
                    **every,
                    "ItemSelector": {**select, "few": []},
                    "ItemProcessor": self._graph(depth - 1),
                    **self._retried(1),
                }

    def _task(self, name: str, resource: str, depth: int) -> Definition:
        errors = ERRORS if depth == DEPTH else ERRORS[:2]
        self.failures[name] = tuple(self.random.choices(errors, k=self.random.choice((0, 0, 0, 1, 2, 4))))
        task = {"Type": "Task", "Resource": resource, "ResultPath": f"$.{name}"}
        if depth < DEPTH:
            return {**task, **self._retried(4)}
        return {**task, **self._retried(self.random.randint(0, 3))} if self.random.random() < 0.7 else task

    def _retried(self, times: int) -> Definition:
        interval_s = self.random.choice((1, 7, 600))
        return {"Retry": [{"ErrorEquals": list(ERRORS[:2]), "IntervalSeconds": interval_s, "MaxAttempts": times}]}


def given(random: Random) -> dict[str, Any]:
    return {"n": random.randint(0, 3), "items": list(range(random.randint(0, 4))), "few": [1, 2]}
