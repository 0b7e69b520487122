"""The same images, told or given something wrong: they say so, and are healthy again when it is mended."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.compose.deployment import PROJECT, Deployment
from tests.compose.test_deployment import PATIENTLY
from tests.compose.trials import place

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]
FULL_DISK = "tests/compose/full-disk.yaml"
FULL_DATABASE = "tests/compose/full-database.yaml"
FILLING = 20  # orders at once: a table asks its disk for room only when a page of some thirty rows is full
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
        refused = deployment.lab("order", "--id", "no-cluster", "--lane", "choreography")
        assert refused.returncode != 0, refused.stdout
        assert "Traceback" not in refused.stderr
        deployment.until(lambda: deployment.health("choreography-door") == {"unhealthy"}, "the door is unhealthy", 180)
    deployment.until_healthy("choreography-door", "choreography-payment")
    placed = deployment.lab("order", "--id", "cluster-is-back", "--wait", *PATIENTLY)
    assert placed.returncode == 0, placed.stdout + placed.stderr


def test_nobody_needs_prometheus(deployment: Deployment) -> None:
    with stopped(deployment, "prometheus"):
        placed = deployment.lab("order", "--id", "unwatched", "--wait", *PATIENTLY)
        assert placed.returncode == 0, placed.stdout + placed.stderr
        assert deployment.health("grafana") == {"healthy"}


def test_full_disks_are_said_and_nothing_is_lost_when_they_have_room_again(deployment: Deployment) -> None:
    """In one lane a broker's node, which is done without; in the other the database, for which all must wait."""
    full = {"choreography-broker-3": "no space left on device", "orchestration-postgres": "No space left on device"}
    with small_node(deployment, "choreography-broker-3"), full_database(deployment, "orchestration-postgres"):
        number, have_said = itertools.count(), set[str]()

        def all_have_said() -> bool:
            asyncio.run(place(FILLING, f"filling-{next(number)}"))
            have_said.update(service for service, said in full.items() if said in deployment.logs(service))
            return have_said == full.keys()

        deployment.until(all_have_said, f"{' and '.join(full)} say that they are full", 120)
        placed = deployment.lab("order", "--id", "without-a-node", "--lane", "choreography", "--wait", *PATIENTLY)
        assert placed.returncode == 0, placed.stdout + placed.stderr
        placed_without_waiting(deployment, "full-disks")
    ends_well(deployment, "full-disks")


@contextmanager
def small_node(deployment: Deployment, node: str) -> Iterator[None]:
    """A node with half a megabyte of disk, without what it had; its peers give it all back."""
    try:
        # Removed first: compose would give its disk to the new container in place of the small one.
        deployment.must(*deployment.compose, "rm", "--stop", "--force", node)
        deployment.up(node, files=[FULL_DISK])
        yield
    finally:
        deployment.up(node)
        deployment.until_healthy(node)


@contextmanager
def full_database(deployment: Deployment, database: str) -> Iterator[None]:
    """Its files are moved to a disk that is then filled up, and back to the large one."""
    keeper = (*deployment.compose, "--file", "compose.yaml", "--file", FULL_DATABASE)
    deployment.up("disk-keeper", files=[FULL_DATABASE])

    def on_disk(script: str) -> None:
        deployment.must(*keeper, "exec", "--no-TTY", "disk-keeper", "sh", "-c", script)

    def stop() -> None:
        deployment.must(*deployment.compose, "rm", "--stop", "--force", database)

    with ExitStack() as afterwards:
        afterwards.callback(deployment.until_healthy, database)
        afterwards.callback(deployment.run, [*deployment.docker, "volume", "rm", f"{PROJECT}_small-disk"])
        afterwards.callback(deployment.must, *keeper, "rm", "--stop", "--force", "disk-keeper")
        afterwards.callback(deployment.up, database)
        stop()
        on_disk("cp -a /large/. /small/")
        afterwards.callback(on_disk, "rm -f /small/ballast; find /large -mindepth 1 -delete; cp -a /small/. /large/")
        afterwards.callback(stop)
        deployment.up(database, files=[FULL_DATABASE])
        deployment.until_healthy(database)
        on_disk("! dd if=/dev/zero of=/small/ballast bs=4k")
        yield
