"""One deployment for all tests of this folder. ``make compose-test`` runs them; ``make test`` leaves them out."""

import os
import time
from collections.abc import Iterator

import pytest

from tests.compose.deployment import BUILD_WITHIN_S, ENGINE, ROOT, Deployment, found

UP_WITHIN_S = 120.0


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """Built, up and healthy; its volumes are gone afterwards."""
    here = found()
    if here is None:
        pytest.skip("NO DOCKER ENGINE: neither `docker compose` nor the private engine beside the project is here")
    os.environ.update({name: here.environment[name] for name in ("DOCKER_HOST",) if name in here.environment})
    if os.environ.get("LAB_COMPOSE_IS_UP"):  # while writing tests: what is up is used, and stays but for the last test
        yield here
        return
    here.readme("lab secrets")
    if here.compose[0] == str(ENGINE):
        here.must(str(ENGINE), "standins", "-f", str(ROOT / "compose.yaml"), within_s=BUILD_WITHIN_S)
    here.must(*here.compose, "down", "--volumes", "--remove-orphans")
    here.must(*here.compose, "build", within_s=BUILD_WITHIN_S)
    try:
        began = time.monotonic()
        here.readme("docker compose up --build --wait", within_s=BUILD_WITHIN_S)
        took_s = time.monotonic() - began
        print(f"\nevery service healthy after {took_s:.0f} s")
        assert took_s < UP_WITHIN_S, f"healthy only after {took_s:.0f} s"
        yield here
    finally:
        here.run([*here.compose, "down", "--volumes", "--remove-orphans"])
