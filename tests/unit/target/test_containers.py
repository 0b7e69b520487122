"""Containers as the Docker API lists them, turned into what the lab calls them."""

from typing import Any

import pytest

from lab.errors import BadInput
from lab.processes.state import State
from lab.target.containers import containers_of, find, state_of, status_of
from lab.target.described import lanes_of, urls


def listed(service: str, lane: str = "orchestration", number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "Id": f"{lane}-{service}-{number}",
        "Labels": {
            "lab.lane": lane,
            "lab.component": service,
            "com.docker.compose.container-number": str(number),
        },
        "State": "running",
        "Status": "Up 3 minutes (healthy)",
        "Ports": [{"PrivatePort": 8000, "PublicPort": 32000 + number, "IP": "127.0.0.1"}],
        **more,
    }


ALL = containers_of(
    [
        listed("door"),
        listed("payment", number=1),
        listed("payment", number=2),
        listed("broker-1", Ports=[]),
        listed("broker-2", Ports=[]),
        {"Id": "once", "Labels": {}, "State": "exited", "Status": "Exited (0)", "Ports": []},
    ]
)


def test_a_service_of_several_is_numbered_and_a_one_shot_is_no_process() -> None:
    assert [each.name for each in ALL] == [
        "orchestration-broker-1",
        "orchestration-broker-2",
        "orchestration-door",
        "orchestration-payment-1",
        "orchestration-payment-2",
    ]


def test_a_role_finds_the_first_of_several() -> None:
    assert find(ALL, "orchestration-payment").name == "orchestration-payment-1"
    assert find(ALL, "orchestration-broker").name == "orchestration-broker-1"
    assert find(ALL, "orchestration-payment-2").name == "orchestration-payment-2"


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(BadInput, match="orchestration-door"):
        find(ALL, "orchestration-watch")


def test_a_service_is_reached_under_its_own_name_too() -> None:
    assert urls(ALL, "orchestration") == {
        "door": "http://127.0.0.1:32001",
        "payment-1": "http://127.0.0.1:32001",
        "payment": "http://127.0.0.1:32001",
        "payment-2": "http://127.0.0.1:32002",
    }
    assert lanes_of(ALL) == ("orchestration",)


@pytest.mark.parametrize(
    ("state", "status", "said"),
    [
        ("running", "Up 1 second (healthy)", State.READY),
        ("running", "Up 1 second (health: starting)", State.STARTING),
        ("running", "Up 1 minute (unhealthy)", State.STARTING),
        ("paused", "Up 1 minute (Paused)", State.FROZEN),
        ("restarting", "Restarting (137) 1 second ago", State.BACKOFF),
        ("exited", "Exited (137) 1 second ago", State.DOWN),
        ("created", "Created", State.STOPPED),
    ],
)
def test_states_are_said_in_the_lab_s_words(state: str, status: str, said: State) -> None:
    assert state_of(state, status) is said


def test_costs_are_those_of_the_container_without_its_cache() -> None:
    stats = {
        "cpu_stats": {"cpu_usage": {"total_usage": 1_500_000_000}},
        "memory_stats": {"usage": 70_000_000, "stats": {"inactive_file": 20_000_000}},
    }
    status = status_of(ALL[2], {"State": {"Pid": 7, "ExitCode": 0}, "RestartCount": 2}, stats)
    assert (status.cpu_s, status.rss_bytes, status.pid, status.restarts) == (1.5, 50_000_000, 7, 2)
    assert status.last_exit is None
