"""The API and conductors as processes of their own, each with its own broker user, and boto3 as their client."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import orjson
from botocore.config import Config

from broker.connection import close, connect
from broker.provision import provision
from orchestration.broker_setup import CONDUCTOR, USERS, setup
from tests.conftest import PASSWORD, USER, RealNats, free_port

SECRET = "test-secret"
ROLE = "arn:aws:iam::000000000000:role/test"
READY_WITHIN_S = 60.0
TIME_SCALE = "0.01"


@dataclass
class StepFunctions:
    """``endpoint`` is the API's; processes are named by their component."""

    nats: RealNats
    endpoint: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.nats.folder

    def launch(self, component: str) -> str:
        """Starts a process, and waits until it is ready; gives its address."""
        port = free_port()
        user = CONDUCTOR if component.startswith(CONDUCTOR) else "door"
        environment = {
            **os.environ,
            "LAB_COMPONENT": component,
            "LAB_PORT": str(port),
            "LAB_BROKER_URL": self.nats.url,
            "LAB_BROKER_USER": user,
            "LAB_BROKER_PASSWORD": self.nats.users[user][0],
            "LAB_APPROVAL_SECRET": SECRET,
            "LAB_TIME_SCALE": TIME_SCALE,
            **self.environment,
        }
        log_file = self.folder / f"{component}.log"
        with log_file.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestration"], env=environment, cwd=self.folder, stdout=log, stderr=log
            )
        self.processes[component] = process
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + READY_WITHIN_S
        while not _answers(f"{url}/readyz"):
            assert process.poll() is None, log_file.read_text()
            assert time.monotonic() < deadline, log_file.read_text()
            time.sleep(0.05)
        return url

    def kill(self, component: str) -> None:
        process = self.processes.pop(component)
        process.kill()
        process.wait(10)

    def client(self, read_timeout_s: float = 20.0) -> Any:
        config = Config(
            inject_host_prefix=False, retries={"total_max_attempts": 1}, read_timeout=read_timeout_s, connect_timeout=5
        )
        return boto3.client(
            "stepfunctions",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )


@contextlib.contextmanager
def step_functions(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[StepFunctions]:
    """One API and one conductor."""
    users = {USER: (PASSWORD, None), **{name: (f"{name}-secret", allowed) for name, allowed in USERS.items()}}
    nats = RealNats(folder=folder, port=free_port(), users=users)
    running = StepFunctions(nats, environment=environment or {})
    try:
        asyncio.run(_prepare(nats))
        running.endpoint = running.launch("api")
        running.launch("conductor-1")
        yield running
    finally:
        for component in list(running.processes):
            running.kill(component)
        nats.stop()


async def _prepare(nats: RealNats) -> None:
    await nats.start()
    client = await connect(nats.url, user=nats.user, password=nats.password, name="provision")
    configured = setup(ack_wait_s=2.0)
    await provision(client, configured.streams, configured.consumers)
    await close(client)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def create(sfn: Any, name: str, states: Mapping[str, Any], start_at: str = "", **more: Any) -> str:
    """A state machine of these states, the first of which starts; its ARN."""
    text = definition_of(states, start_at)
    arn: str = sfn.create_state_machine(name=name, definition=text, roleArn=ROLE, **more)["stateMachineArn"]
    return arn


def definition_of(states: Mapping[str, Any], start_at: str = "") -> str:
    return orjson.dumps({"StartAt": start_at or next(iter(states)), "States": states}).decode()


def ended(sfn: Any, execution: str, within_s: float = 15.0) -> dict[str, Any]:
    """DescribeExecution's answer once it is no longer running."""
    return until(
        lambda: sfn.describe_execution(executionArn=execution), lambda told: told["status"] != "RUNNING", within_s
    )


def until(ask: Callable[[], Any], holds: Callable[[Any], bool], within_s: float = 15.0) -> Any:
    deadline = time.monotonic() + within_s
    while True:
        answer = ask()
        if holds(answer):
            return answer
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)


def history(sfn: Any, execution: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sfn.get_execution_history(executionArn=execution, maxResults=1000, **more)["events"]
    return found
