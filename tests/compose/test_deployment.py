"""The lab as a team would deploy it: it is small, and the lab's commands do what they do to an embedded lab."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.commands.orders import ROLLED_BACK_EXIT
from tests.compose.conftest import IMAGE_UNDER_MB, image_mb
from tests.compose.deployment import Deployment

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
PATIENTLY = ("--timeout", "120")


def test_the_image_is_small(deployment: Deployment) -> None:
    assert image_mb(deployment) < IMAGE_UNDER_MB


def test_the_lab_s_commands_reach_the_containers(deployment: Deployment) -> None:
    assert "choreography-broker-3" in deployment.lab("status").stdout
    placed = deployment.lab("order", "--id", "first", "--wait", *PATIENTLY)
    assert placed.returncode == 0, placed.stdout + placed.stderr
    assert "PaymentCharged" in deployment.lab("why", "first").stdout


def test_a_fault_reaches_every_process_of_a_service(deployment: Deployment) -> None:
    """Only one process is told; the others hear of it from their ledger. With every label failing, no order gets by."""
    assert deployment.lab("fault", "shipping", "broken", "--operation", "print_label").returncode == 0
    try:
        with ThreadPoolExecutor() as customers:
            names = [f"broken-{number}" for number in range(4)]
            for placed in customers.map(
                lambda name: deployment.lab("order", "--id", name, "--wait", *PATIENTLY), names
            ):
                assert placed.returncode == ROLLED_BACK_EXIT, placed.stdout + placed.stderr
    finally:
        assert deployment.lab("repair").returncode == 0
    mended = deployment.lab("order", "--id", "mended", "--wait", *PATIENTLY)
    assert mended.returncode == 0, mended.stdout + mended.stderr


def test_a_frozen_and_a_killed_process_come_back(deployment: Deployment) -> None:
    assert "frozen" in deployment.lab("freeze", "orchestration-conductor-1").stdout
    try:
        placed = deployment.lab("order", "--id", "without-one", "--wait", *PATIENTLY)
        assert placed.returncode == 0, placed.stdout + placed.stderr
    finally:
        assert deployment.lab("thaw", "orchestration-conductor-1").returncode == 0
    assert deployment.lab("kill", "orchestration-conductor-2").returncode == 0
    placed = deployment.lab("order", "--id", "after-a-kill", "--wait", *PATIENTLY)
    assert placed.returncode == 0, placed.stdout + placed.stderr
