"""Wires up the tracer: the process that makes spans of what the conductors have stored."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from nats.aio.client import Client

from broker.connection import close
from orchestration.asl.protocol import Json
from orchestration.names import OWN_MACHINE
from orchestration.orders.order_story import operation_of
from orchestration.visibility.spans import Words
from orchestration.visibility.tracer import Tracer
from orchestration.vital import vital
from services import spans as words
from services.operational_http import create_operational_app
from services.serve import serve
from services.settings import Settings
from telemetry.exporting import Exporter
from telemetry.ids import sampled
from telemetry.otlp import Otlp
from telemetry.span import Attribute

STOP_WITHIN_S: Final = 1.5


class OrderWords:
    """What makes an execution's spans those of an order."""

    def of_input(self, given: Json) -> Mapping[str, Attribute]:
        match given:
            case {"order": {"order_id": str(order_id)}}:
                return {words.ORDER_ID: order_id}
            case _:
                return {}

    def of_call(self, resource: str) -> Mapping[str, Attribute]:
        found = operation_of(resource)
        return {} if found is None else {words.SERVICE: found[0].value, words.OPERATION: found[1].value}


WORDS: Final[Mapping[str, Words]] = {OWN_MACHINE: OrderWords()}


async def serve_tracer(settings: Settings, client: Client) -> None:
    await serve(create_app(settings, client), settings)


def create_app(settings: Settings, client: Client) -> FastAPI:
    # The conductors' spans: whichever of them made an append, it is the lane's conductor that others see.
    resource = {words.COMPONENT: f"{settings.lane}-conductor", words.LANE: settings.lane}
    exporter = Exporter(Otlp(settings.otlp_endpoint, resource))
    tracer = Tracer(client, exporter.export, lambda trace_id: sampled(trace_id, settings.trace_sample), WORDS)

    async def ready() -> str | None:
        if not client.is_connected:
            return "no connection to the broker"
        return None if tracer.forwarder.following else "starting"

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        running = vital(tracer.forwarder.run(), "the tracer")
        try:
            yield
        finally:
            await tracer.forwarder.stop()
            await asyncio.wait((running,), timeout=STOP_WITHIN_S)
            running.cancel()
            exporter.close()
        await close(client)

    return create_operational_app(settings, ready, lifespan)
