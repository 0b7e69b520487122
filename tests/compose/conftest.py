"""One deployment for all tests of this folder. ``make compose-test`` runs them; ``make test`` leaves them out."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

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
    here.must(*here.compose, "down", "--volumes", "--remove-orphans")
    began = time.monotonic()
    with stand_ins(here):
        print(f"\nthe base is there after {time.monotonic() - began:.0f} s;", end=" ")
        # One service's is everybody's image; a builder without BuildKit would make it for each, all at once.
        here.must(*here.compose, "build", "auditor", within_s=BUILD_WITHIN_S)
    print(f"all images after {time.monotonic() - began:.0f} s, ours has {image_mb(here):.0f} MB")
    try:
        began = time.monotonic()
        here.readme("docker compose up --build --wait", within_s=BUILD_WITHIN_S)
        took_s = time.monotonic() - began
        print(f"every service healthy after {took_s:.0f} s")
        assert took_s < UP_WITHIN_S, f"healthy only after {took_s:.0f} s"
        yield here
    finally:
        here.run([*here.compose, "--profile", "*", "down", "--volumes", "--remove-orphans"])


@contextmanager
def stand_ins(here: Deployment) -> Iterator[None]:
    """For the private engine, what others pull: what ours is built on before, the others beside what is done here."""
    if here.compose[0] != str(ENGINE):
        yield
        return

    def made(file: Path) -> str:
        return here.must(str(ENGINE), "standins", "-f", str(file), within_s=BUILD_WITHIN_S)

    config = json.loads(here.must(*here.compose, "config", "--format", "json"))
    base = {"services": {"base": {"image": config["services"]["auditor"]["build"]["args"]["PYTHON_IMAGE"]}}}
    with TemporaryDirectory() as folder, ThreadPoolExecutor() as beside:
        (Path(folder) / "compose.yaml").write_text(json.dumps(base))
        made(Path(folder) / "compose.yaml")
        others = beside.submit(made, ROOT / "compose.yaml")
        yield
        others.result()


def image_mb(here: Deployment) -> float:
    size = here.must(*here.docker, "image", "inspect", "--format", "{{.Size}}", "saga-lab:local")
    return int(size) / 1e6
