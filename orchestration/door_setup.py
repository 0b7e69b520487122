"""Wires up the processes that answer: the front door with the API beside it, or the API alone."""

from fastapi import FastAPI
from nats.aio.client import Client

from orchestration.api import app as api_app
from orchestration.api.services import ApiServices
from orchestration.api_setup import open_api
from orchestration.orders import door_app
from orchestration.orders.counting import open_orders
from orchestration.orders.read_model import READERS
from orchestration.visibility.http import add_visibility
from orchestration.visibility.read_model import ReadModel, running
from orchestration.visibility.reading import Stories
from services.serve import serve
from services.settings import Settings


async def serve_door(settings: Settings, client: Client) -> None:
    read_model = open_orders(settings, client)
    async with open_api(settings, client, read_model.executions) as services:
        app = door_app.create_app(settings, client, read_model)
        api_app.add_api(app, services)
        _add_visibility(app, client, services, read_model)
        await serve(app, settings)


async def serve_api(settings: Settings, client: Client) -> None:
    read_model = open_orders(settings, client)
    async with open_api(settings, client, read_model.executions) as services, running(read_model):
        app = api_app.create_app(settings, client, services)
        _add_visibility(app, client, services, read_model)
        await serve(app, settings)


def _add_visibility(app: FastAPI, client: Client, services: ApiServices, read_model: ReadModel) -> None:
    machines = services.machines
    stories = Stories(client, machines, machines.current, READERS)
    add_visibility(app, read_model.executions, stories, services.settings.admin_token)
