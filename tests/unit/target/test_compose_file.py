"""``compose.yaml`` as data: what it promises of every service, without an engine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import wirings
from lab.scenario import ROLES
from lab.target.broker_files import FILES
from lab.target.compose_secrets import broker_users, names
from lab.topology import LANES

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
ASKED_FOR = re.compile(r"\$\{([A-Z_]+)")


def test_every_service_is_contained() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert service["restart"], name
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} <= limits.keys(), name


def test_every_service_is_watched_but_those_that_end_or_hear_nobody() -> None:
    without = {name for name, service in SERVICES.items() if service.get("healthcheck", {}).get("disable")}
    assert without == {"load-worker"} | {f"{lane}-{once}" for lane in LANES for once in ("streams", "databases")}
    ours = {name for name, service in SERVICES.items() if "build" in service}
    assert all("healthcheck" in service for name, service in SERVICES.items() if name not in ours)


def test_ports_are_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_images_are_pinned_by_version() -> None:
    pulled = {service["image"] for service in SERVICES.values() if "build" not in service}
    assert all(re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)?$", image) for image in pulled), pulled


def test_there_is_no_secret_in_it_and_each_that_it_asks_for_is_made() -> None:
    asked = {name for name in ASKED_FOR.findall(TEXT) if name.endswith(("_PASSWORD", "_TOKEN", "_SECRET"))}
    assert asked == set(names())


def test_both_lanes_get_the_same_processors_and_memory() -> None:
    """With the default number of replicas."""
    assert _limits("choreography") == _limits("orchestration")


def _limits(lane: str) -> tuple[float, int]:
    cpus, megabytes = 0.0, 0
    for name, service in SERVICES.items():
        if name.startswith(f"{lane}-") and not service.get("healthcheck", {}).get("disable"):
            deploy = service["deploy"]
            count = 2 if "replicas" in deploy else 1
            cpus += count * float(deploy["resources"]["limits"]["cpus"])
            megabytes += count * int(deploy["resources"]["limits"]["memory"].removesuffix("M"))
    return cpus, megabytes


def test_no_container_has_the_engine_s_socket() -> None:
    assert "docker.sock" not in TEXT


@pytest.mark.parametrize("lane", LANES)
def test_every_user_of_a_lane_s_broker_has_a_password(lane: str) -> None:
    given = SERVICES[f"{lane}-broker-1"]["environment"]
    wanted = {f"{user.upper()}_PASSWORD" for user in (*broker_users(lane), "routes")}
    assert wanted <= given.keys()
    assert set(wirings.users(lane)) <= set(broker_users(lane))


def test_the_brokers_configuration_is_current() -> None:
    assert FILES.outdated() == []


def test_what_is_told_as_json_is_json() -> None:
    for name in ("auditor", "console", "nats-exporter"):
        told = [text for text in SERVICES[name]["environment"].values() if str(text).startswith("{")]
        assert told
        for text in told:
            json.loads(text)


def test_every_role_of_a_scenario_is_a_container_of_each_lane() -> None:
    for lane in LANES:
        labels = {
            each["labels"]["lab.component"]
            for each in SERVICES.values()
            if each.get("labels", {}).get("lab.lane") == lane
        }
        assert set(ROLES) - {"decider", "broker"} <= labels
        assert "broker-1" in labels
