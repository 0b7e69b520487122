"""The API served by uvicorn in this process on a free port, over a real nats-server, and boto3 as its client."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import boto3
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError
from fastapi import FastAPI
from nats.aio.client import Client
from pydantic import SecretStr

from broker.connection import close, connect
from broker.provision import provision
from orchestration.api.app import add_api, api_services
from orchestration.api.services import ApiServices
from orchestration.broker_setup import setup
from orchestration.orders.order_story import MACHINE
from services.hot_paths import with_hot_paths
from services.settings import Settings
from tests.conftest import RealNats, free_port
from tests.integration.orchestration.lane import SECRET, machine

ROLE: Final = "arn:aws:iam::000000000000:role/any"

Made = Callable[[Client], Awaitable[ApiServices]]


@dataclass
class Api:
    """``call`` asks as boto3 does, from a thread; ``error_of`` gives (code, message) of the error that must come."""

    url: str
    client: Client
    services: ApiServices
    sfn: Any

    async def call(self, operation: str, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await asyncio.to_thread(getattr(self.sfn, operation), **request)
        answer.pop("ResponseMetadata")
        return answer

    async def error_of(self, operation: str, **request: Any) -> tuple[str, str]:
        try:
            answer = await self.call(operation, **request)
        except ClientError as error:
            told = error.response["Error"]
            return told["Code"], told["Message"]
        raise AssertionError(f"{operation} answered {answer}")


def boto_client(url: str, **parameters: Any) -> Any:
    config = Config(retries={"total_max_attempts": 1}, inject_host_prefix=False, read_timeout=70, **parameters)
    return boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=config,
    )


async def services_of(client: Client) -> ApiServices:
    settings = Settings(component="api", approval_secret=SecretStr(SECRET), time_scale=0.01)
    return api_services(settings, client, {MACHINE: machine()})


@contextlib.asynccontextmanager
async def running_api(nats: RealNats, made: Made = services_of, **boto: Any) -> AsyncIterator[Api]:
    client = await connect(nats.url, user=nats.user, password=nats.password, name="api")
    configured = setup()
    await provision(client, configured.streams, configured.consumers)
    services = await made(client)
    app = FastAPI()
    add_api(app, services)
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(with_hot_paths(app), host="127.0.0.1", port=port, lifespan="off", log_config=None, ws="none")
    )
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not serving.done(), "the server did not start"
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{port}"
        yield Api(url, client, services, await asyncio.to_thread(boto_client, url, **boto))
    finally:
        server.should_exit = True
        await serving
        await close(client)
