"""A home that was used before, and ports that another lab holds."""

from pathlib import Path
from typing import cast

from lab.continuing import continued, said
from lab.embedded import Lab
from lab.lane_client import LaneClient
from lab.ports import OTHER_PORTS, taken
from lab.processes.observe import Listener
from lab.topology import LabConfig


class Lane:
    def __init__(self, orders: int, rules: dict[str, int]) -> None:
        self._orders, self._rules = orders, rules

    def orders(self, _status: str | None, limit: int) -> list[str]:
        return ["an order"] * min(limit, self._orders)

    def faults(self, service: str) -> dict[str, dict[str, list[str]]]:
        return {"plan": {"rules": ["a rule"] * self._rules.get(service, 0)}}


def in_words(*lanes: Lane) -> str | None:
    return continued([cast("LaneClient", lane) for lane in lanes])


def test_a_lab_says_what_it_goes_on_with() -> None:
    assert in_words(Lane(0, {}), Lane(0, {})) is None
    found = in_words(Lane(3, {"shipping": 1}), Lane(2, {}))
    assert found is not None
    assert found.startswith("continuing: 3 orders, 1 fault rule in force")
    assert "--fresh" in found
    assert "1000 orders or more" in str(in_words(Lane(5000, {})))
    assert "order" not in str(said(0, 2)).partition("(")[0]


def test_a_fresh_start_removes_the_lanes_and_keeps_the_secrets(tmp_path: Path) -> None:
    for path in ("choreography/payment.db", "orchestration/jetstream/x", "secrets.json", "results/r/verdict.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("old")
    Lab(LabConfig(home=tmp_path, lanes=("choreography",)), fresh=True)._remove_what_is_left()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["orchestration", "results", "secrets.json"]


def test_a_port_that_another_lab_holds_names_that_lab_and_how_to_stop_it(tmp_path: Path) -> None:
    holder = Listener("nats-server", 7, ("/dev/null", str(tmp_path / "lab.lock")))
    assert taken(7400, "choreography-broker", holder, OTHER_PORTS) == (
        f"port 7400 (for choreography-broker) is in use: a lab or demo runs in {tmp_path}; "
        f"stop it: lab down --home {tmp_path}; or choose other ports: {OTHER_PORTS}"
    )


def test_a_port_that_somebody_else_holds_names_the_process() -> None:
    assert "in use by python (pid 7); stop that" in taken(7400, "x", Listener("python", 7), "--port N")
    assert taken(7400, "x", None, "--port N").endswith("choose other ports: --port N")
