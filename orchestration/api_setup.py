"""Wires up what the API works with, for the process that serves it: the registry of machines, and the tasks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from nats.aio.client import Client

from orchestration import metrics
from orchestration.api.app import api_services
from orchestration.api.nested import NestedExecutions
from orchestration.api.services import ApiServices
from orchestration.conductor_setup import base_urls, machines_of
from orchestration.runtime.activities import queue_of
from orchestration.settings import TaskSettings
from orchestration.task_setup import open_tasks
from orchestration.visibility import express_spans
from orchestration.visibility.executions import Executions
from services.settings import Settings


@asynccontextmanager
async def open_api(
    settings: Settings, client: Client, visibility: Executions | None = None
) -> AsyncIterator[ApiServices]:
    """Raises ``OrchestrationError`` where a setting names what is not there."""
    task_settings = TaskSettings()
    mocked = task_settings.mock_config is not None
    services = api_services(settings, client, machines_of(settings), visibility=visibility, mocked=mocked)
    nested = NestedExecutions(services)
    async with open_tasks(task_settings, client, base_urls(settings), nested, queue_of(client)) as tasks:
        yield replace(services, tasks=tasks, observer=metrics.Counting(), follow=express_spans.follow)
