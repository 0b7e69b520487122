"""What AWS answered, asked again of the API and a conductor: the cases of ../shared/asl-cases, by their own runner."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from tests.integration.orchestration.step_functions import step_functions

CASES = Path(__file__).parents[4] / "shared" / "asl-cases"
# Recorded waits last up to a minute, timeouts five seconds, and each case may take twenty.
TIME_SCALE = "0.1"
RUN_WITHIN_S = 280
# Per cent. Six histories were recorded when AWS linked a distributed Map's Exited event to another than it does now.
LEAST = {"outcome": 99.0, "cause": 98.0, "types": 97.0, "events": 94.0, "api": 95.0, "exact": 80.0}

if not (CASES / "run.py").is_file():
    pytest.skip(f"AWS's recordings are not at {CASES}: the API's answers are NOT checked", allow_module_level=True)


@pytest.fixture
def objects() -> Iterator[str]:
    """The address of an S3 of our own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.slow
def test_the_recorded_executions_come_out_as_they_did_on_aws(tmp_path: Path, objects: str) -> None:
    runner, cases, mocks = CASES / "run.py", CASES / "cases.jsonl", tmp_path / "mocks.json"
    with mocks.open("wb") as written:
        subprocess.run([sys.executable, runner, "mocks", "--run-children", cases], stdout=written, check=True)
    environment = {"SFN_MOCK_CONFIG": str(mocks), "LAB_TIME_SCALE": TIME_SCALE, "AWS_ENDPOINT_URL_S3": objects}
    with step_functions(tmp_path, environment) as running:
        where = ["--endpoint", running.endpoint, "--s3-endpoint", objects]
        asked = [sys.executable, runner, "run", *where, cases, "--jobs", "4", "--require", "99"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=RUN_WITHIN_S)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    reached = shares(done.stdout)
    assert {level: share for level, share in reached.items() if share < LEAST[level]} == {}


def shares(report: str) -> dict[str, float]:
    """Level -> per cent of all cases, from the first lines of the runner's report."""
    names, first = report.splitlines()[:2]
    return dict(zip(names.split(), map(float, re.findall(r"([\d.]+)%", first)), strict=True))
