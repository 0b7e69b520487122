"""One deployment for all tests of this folder. ``make compose-test`` runs them; ``make test`` leaves them out."""

import os
import time
from collections.abc import Iterator

import pytest

from tests.compose.deployment import BUILD_WITHIN_S, ENGINE, ROOT, Deployment, NoEngineHere, found

UP_WITHIN_S = 120.0
IMAGE_UNDER_MB = 400
# All that a team would start, the load generator aside: the spans of an order are looked at too. Thirty containers may
# share two processors here, so a service's answer is waited for three times as long as usual; and all tests together
# order more than the usual stock.
TOLD = {
    "COMPOSE_PROFILES": "choreography,orchestration,tracing",
    "LAB_OTLP_ENDPOINT": "http://jaeger:4318",
    "LAB_CALL_TIMEOUT_BASE_S": "30",
    "LAB_STOCK_SCALE": "20",
}


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """Built, up and healthy; its volumes are gone afterwards."""
    try:
        here = found(TOLD)
    except NoEngineHere as why:
        pytest.skip(f"NO DOCKER ENGINE, so NOTHING of the containers was tested: {why}")
    os.environ.update({name: here.environment[name] for name in ("DOCKER_HOST",) if name in here.environment})
    if os.environ.get("LAB_COMPOSE_IS_UP"):  # while writing tests: what is up is used, and stays but for the last test
        yield here
        return
    here.readme("lab secrets")
    if here.compose[0] == str(ENGINE):
        here.must(str(ENGINE), "standins", "-f", str(ROOT / "compose.yaml"), within_s=BUILD_WITHIN_S)
    here.must(*here.compose, "down", "--volumes", "--remove-orphans")
    began = time.monotonic()
    # One service's is everybody's image; a builder without BuildKit would make it for each, all at once.
    here.must(*here.compose, "build", "auditor", within_s=BUILD_WITHIN_S)
    print(f"\nbuilt in {time.monotonic() - began:.0f} s, {image_mb(here):.0f} MB")
    try:
        began = time.monotonic()
        here.readme("docker compose up --build --wait", within_s=BUILD_WITHIN_S)
        took_s = time.monotonic() - began
        print(f"every service healthy after {took_s:.0f} s")
        assert took_s < UP_WITHIN_S, f"healthy only after {took_s:.0f} s"
        yield here
    finally:
        here.run([*here.compose, "--profile", "*", "down", "--volumes", "--remove-orphans"])


def image_mb(here: Deployment) -> float:
    size = here.must(*here.docker, "image", "inspect", "--format", "{{.Size}}", "saga-lab:local")
    return int(size) / 1e6
