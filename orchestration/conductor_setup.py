"""Wires a conductor up from the settings: history, tasks, machines, and its small HTTP face."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from nats.aio.client import Client

from broker.connection import close
from broker.errors import BrokerError
from broker.read import last
from orchestration import metrics
from orchestration.api.nested import NestedExecutions
from orchestration.api.services import ApiServices
from orchestration.asl.interpreter import Machine
from orchestration.broker_setup import ACK_WAIT_S, CONDUCTOR
from orchestration.datasets.store import ObjectStore
from orchestration.machines.loaded import StoredMachines
from orchestration.machines.store import MachineStore
from orchestration.orders.definition import load_order_machine
from orchestration.orders.order_story import MACHINE
from orchestration.orders.retries import retry_counter
from orchestration.runtime import records
from orchestration.runtime.activities import queue_of
from orchestration.runtime.conductor import Conductor
from orchestration.runtime.dead_letters import REASON as UNREADABLE
from orchestration.runtime.history import DurableHistory, History, HopefulHistory
from orchestration.runtime.map_run_machines import MachinesWithMaps
from orchestration.runtime.map_run_store import MapRunStore
from orchestration.runtime.map_runs import MapRuns, MapRunTools
from orchestration.runtime.progress import Tools
from orchestration.runtime.tokens import token_maker
from orchestration.settings import TaskSettings
from orchestration.task_setup import open_objects, open_tasks
from orchestration.tasks.registry import Tasks
from orchestration.visibility import express_spans
from orchestration.vital import vital
from services import metrics as shared
from services.guards import check_guards
from services.operational_http import create_operational_app
from services.operations import Service
from services.practices import Practice
from services.serve import serve
from services.settings import Settings


def base_urls(settings: Settings) -> dict[str, str]:
    return {
        Service.PAYMENT.value: settings.payment_url,
        Service.WAREHOUSE.value: settings.warehouse_url,
        Service.SHIPPING.value: settings.shipping_url,
    }


def history_of(settings: Settings, client: Client) -> History:
    removed = settings.guards_removed
    check_guards(removed)
    if Practice.OUTBOX not in settings.practices or "outbox" in removed:
        return HopefulHistory(client)
    return DurableHistory(
        client, compare_and_set="compare_and_set" not in removed, on_conflict=metrics.append_conflicts.inc
    )


def machines_of(settings: Settings) -> dict[str, Machine]:
    practices = settings.practices
    if "retries" in settings.guards_removed:
        practices = practices - {Practice.RETRIES}
    machine = load_order_machine(
        practices,
        time_scale=settings.time_scale,
        approval_threshold_cents=settings.approval_threshold_cents,
        approval_timeout_s=settings.approval_timeout_s,
        call_timeout_s=settings.call_timeout_s,
        guards_removed=settings.guards_removed,
    )
    return {MACHINE: machine}


def create_conductor(settings: Settings, client: Client, tasks: Tasks, objects: ObjectStore | None = None) -> Conductor:
    """``objects``: where the datasets of distributed Maps are."""
    tools = Tools(
        machines=MachinesWithMaps(
            StoredMachines(MachineStore(client), machines_of(settings), time_scale=settings.time_scale)
        ),
        tasks=tasks,
        history=history_of(settings, client),
        token_of=token_maker(settings.approval_secret.get_secret_value()),
        observer=metrics.Counting(retry_counter(settings.lane)),
        writer=f"{settings.component}-{secrets.token_hex(4)}",
        clock=time.time,
        random=random.random,
        follow=express_spans.follow,
    )
    shared.expect_dead_letters(settings.lane, (UNREADABLE,))
    return Conductor(
        client,
        tools,
        ack_wait_s=ACK_WAIT_S,
        consumer=CONDUCTOR,
        on_dead_letter=lambda reason: shared.dead_letters.labels(settings.lane, reason).inc(),
        map_runs=MapRuns(
            MapRunTools(tools.machines, MapRunStore(client), objects, writer=tools.writer, clock=tools.clock)
        ),
    )


def _api_services(settings: Settings, client: Client, task_settings: TaskSettings) -> ApiServices:
    """What starting an execution inside another needs."""
    store = MachineStore(client)
    return ApiServices(
        client=client,
        secret=settings.approval_secret.get_secret_value(),
        store=store,
        machines=StoredMachines(store, machines_of(settings), time_scale=settings.time_scale),
        settings=settings,
        clock=time.time,
        chance=random.random,
        mocked=task_settings.mock_config is not None,
    )


def create_app(settings: Settings, client: Client) -> FastAPI:
    """Serves ``/healthz``, ``/readyz`` and ``/metrics``; the work runs beside it, from start to shutdown."""
    working: list[Conductor] = []
    task_settings = TaskSettings()

    async def ready() -> str | None:
        if not working:
            return "starting"
        return await _reason_not_ready(client, working[0])

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        nested = NestedExecutions(_api_services(settings, client, task_settings))
        async with (
            open_tasks(task_settings, client, base_urls(settings), nested, queue_of(client)) as tasks,
            open_objects(task_settings) as objects,
        ):
            conductor = create_conductor(settings, client, tasks, objects)
            metrics.executions.labels("RUNNING").set_function(lambda: len(conductor.holding))
            running = vital(conductor.run(), "the worker")
            working.append(conductor)
            try:
                yield
            finally:
                await conductor.stop()
                await asyncio.wait((running,))
        await close(client)

    return create_operational_app(settings, ready, lifespan)


async def serve_conductor(settings: Settings, client: Client) -> None:
    await serve(create_app(settings, client), settings)


async def _reason_not_ready(client: Client, conductor: Conductor) -> str | None:
    if not client.is_connected:
        return "no connection to the broker"
    if conductor.puller.silent:
        return "the broker does not answer"
    try:
        await last(client, records.STREAM, records.start_subject("none"), timeout_s=1.0)
    except BrokerError as error:
        return f"the broker does not answer: {error}"
    return None
