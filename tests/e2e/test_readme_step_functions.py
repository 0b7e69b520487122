"""The README's way through Step Functions: every command of it, as it stands there, but for the ports."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

from tests.free_ports import free_port_base

pytestmark = pytest.mark.more

ROOT = Path(__file__).parents[2]
HEADING = "## The conductor by itself"
WITHIN_S = 30.0


def commands() -> list[str]:
    """Those of the section's block, continued lines joined."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition(HEADING)[2]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None
    lines = found[1].replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.slow
def test_a_failed_execution_is_inspected_and_redriven(tmp_path: Path) -> None:
    base = free_port_base()
    api, carrier = base + 2, base + 50  # the API's conductors and broker listen around it
    here = {
        **os.environ,
        "LAB_HOME": str(tmp_path / "lab"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    given = [line.replace("8083", str(api)).replace("9099", str(carrier)) for line in commands()]
    exports = "; ".join(line for line in given if line.startswith("export "))
    started: list[subprocess.Popen[bytes]] = []
    said: dict[str, str] = {}
    try:
        for line in (line for line in given if not line.startswith("export ")):
            if line.endswith("&"):
                started.append(subprocess.Popen(shlex.split(line.removesuffix("&")), cwd=ROOT, env=here))
                _until_it_listens(carrier)
                continue
            if "lab stepfunctions" in line:
                line += f" --port {api}"
            if "get-execution-history" in line:
                assert _ended(api) == "FAILED"
            if "describe-execution" in line:
                assert _ended(api) == "SUCCEEDED"
            done = subprocess.run(
                ["bash", "-c", f"{exports}; {line}"], cwd=ROOT, env=here, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            said[line.split()[2] if line.startswith("aws") else line.split()[0]] = done.stdout
    finally:
        for process in started:
            process.kill()
            process.wait()
        subprocess.run([sys.executable, "-m", "lab", "down"], env=here, cwd=ROOT, check=True, timeout=60)
    assert "States.Http.Socket" in said["get-execution-history"]
    assert '"redriveCount": 1' in said["describe-execution"]
    assert "SUCCEEDED" in said["describe-execution"]


def _ended(port: int) -> str:
    client = boto3.client(
        "stepfunctions",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        found = client.describe_execution(executionArn="arn:aws:states:us-east-1:000000000000:execution:parcel:first")[
            "status"
        ]
        if found != "RUNNING":
            return str(found)
        time.sleep(0.1)
    raise AssertionError("it did not end")


def _until_it_listens(port: int) -> None:

    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("nobody listens")
