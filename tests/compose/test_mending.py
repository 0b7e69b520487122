"""The same images, told or given something wrong: they say so, and are healthy again when it is mended."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.compose.deployment import Deployment
from tests.compose.test_deployment import PATIENTLY

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]
FULL_DISK = "tests/compose/full-disk.yaml"
# Service, the variable that is wrong, and what its log must say of it.
PASSWORDS = (
    ("choreography-payment", "CHOREOGRAPHY_BROKER_PAYMENT_PASSWORD", "does not know user payment"),
    ("orchestration-payment", "ORCHESTRATION_DATABASE_PAYMENT_PASSWORD", "password authentication failed"),
)


def placed_without_waiting(deployment: Deployment, name: str) -> None:
    placed = deployment.lab("order", "--id", name)
    assert placed.returncode == 0, placed.stdout + placed.stderr


def ends_well(deployment: Deployment, name: str) -> None:
    """An order that was acknowledged before is told to the end; both lanes must fulfil it or take it back."""
    judged = deployment.lab("audit", "--wait")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    told = deployment.lab("why", name)
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_wrong_password_is_said_and_mended(deployment: Deployment) -> None:
    """In each lane another one at once."""
    services = [service for service, _, _ in PASSWORDS]
    deployment.told(**{variable: "wrong" for _, variable, _ in PASSWORDS}).up(*services)
    try:
        deployment.until(
            lambda: all(said in deployment.logs(service) for service, _, said in PASSWORDS), "each says what is wrong"
        )
        placed_without_waiting(deployment, "wrong-password")
        for service in services:
            assert "Traceback" not in deployment.logs(service)
    finally:
        deployment.up(*services)
    deployment.until_healthy(*services)
    ends_well(deployment, "wrong-password")


@contextmanager
def stopped(deployment: Deployment, *services: str) -> Iterator[None]:
    deployment.must(*deployment.compose, "stop", *services)
    try:
        yield
    finally:
        deployment.must(*deployment.compose, "start", *services)
        deployment.until_healthy(*services)


def test_a_missing_peer_is_waited_for(deployment: Deployment) -> None:
    """Nobody ships: what was acknowledged waits for it, or is undone."""
    with stopped(deployment, "choreography-shipping", "orchestration-shipping"):
        placed_without_waiting(deployment, "without-shipping")
    ends_well(deployment, "without-shipping")


def test_without_its_cluster_a_door_says_no_and_is_back_with_it(deployment: Deployment) -> None:
    nodes = tuple(f"choreography-broker-{number}" for number in (1, 2, 3))
    with stopped(deployment, *nodes):
        deployment.until(lambda: deployment.health("choreography-door") == {"unhealthy"}, "the door is unhealthy", 180)
    deployment.until_healthy("choreography-door", "choreography-payment")
    placed = deployment.lab("order", "--id", "cluster-is-back", "--wait", *PATIENTLY)
    assert placed.returncode == 0, placed.stdout + placed.stderr


def test_nobody_needs_prometheus(deployment: Deployment) -> None:
    with stopped(deployment, "prometheus"):
        placed = deployment.lab("order", "--id", "unwatched", "--wait", *PATIENTLY)
        assert placed.returncode == 0, placed.stdout + placed.stderr
        assert deployment.health("grafana") == {"healthy"}


def test_a_node_with_a_full_disk_is_done_without_and_is_back_when_it_has_room(deployment: Deployment) -> None:
    node = "choreography-broker-3"
    # Removed first: compose would give its disk to the new container in place of the small one.
    deployment.must(*deployment.compose, "rm", "--stop", "--force", node)
    deployment.up(node, files=[FULL_DISK])
    try:
        number = itertools.count()

        def full() -> bool:
            placed_without_waiting(deployment, f"filling-{next(number)}")
            return "no space left on device" in deployment.logs(node)

        deployment.until(full, f"{node} says that it is full", 120)
        placed = deployment.lab("order", "--id", "full-disk", "--wait", *PATIENTLY)
        assert placed.returncode == 0, placed.stdout + placed.stderr
    finally:
        deployment.up(node)
    deployment.until_healthy(node)
    ends_well(deployment, "full-disk")
