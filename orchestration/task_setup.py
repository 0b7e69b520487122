"""Wires up the task integrations: one table of all that a conductor can do, and what it opens to do it."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from nats.aio.client import Client

from orchestration.datasets.store import LocalFolder, ObjectStore
from orchestration.runtime.map_run_store import MapRunStore
from orchestration.runtime.map_run_task import MapRunTasks
from orchestration.settings import TaskSettings
from orchestration.tasks.activity import ActivityTasks, Queue
from orchestration.tasks.api_gateway import ApiGatewayTasks
from orchestration.tasks.child_executions import ChildTasks, Executions
from orchestration.tasks.events import EventsTasks
from orchestration.tasks.http import HttpTasks
from orchestration.tasks.http_client import HttpClient
from orchestration.tasks.http_invoke import HttpInvokeTasks
from orchestration.tasks.lambda_function import LambdaTasks
from orchestration.tasks.person import PersonTasks
from orchestration.tasks.posting import BrokerPosts
from orchestration.tasks.python_functions import PythonTasks, load_functions
from orchestration.tasks.registry import ACTIVITY, FUNCTION_ARN, Runner, Tasks
from orchestration.tasks.sfn_api import SfnApiTasks
from orchestration.tasks.sns import SnsTasks
from orchestration.tasks.sqs import SqsTasks
from orchestration.tasks.web import Web


@asynccontextmanager
async def open_tasks(
    settings: TaskSettings, client: Client, base_urls: Mapping[str, str], executions: Executions, queue: Queue
) -> AsyncIterator[Tasks]:
    """``base_urls``: the lab's own services; ``queue``: where activities' tasks are put.

    Raises ``OrchestrationError`` where a setting names what is not there.
    """
    python = PythonTasks(load_functions(settings.python_tasks))
    mocks = settings.mocks
    http_client, web = HttpClient(), Web()
    functions, posts = LambdaTasks(web, settings.lambda_endpoint), BrokerPosts(client)
    runners: dict[str, Runner] = {
        "http": HttpTasks(http_client, base_urls),
        "approval": PersonTasks(),
        "person": PersonTasks(),
        "python": python,
        ACTIVITY: ActivityTasks(queue),
        FUNCTION_ARN: functions,
        "lambda:invoke": functions,
        "http:invoke": HttpInvokeTasks(web, settings.connections),
        "apigateway:invoke": ApiGatewayTasks(web),
        "states:startExecution": ChildTasks(executions),
        "sqs:sendMessage": SqsTasks(posts),
        "sns:publish": SnsTasks(posts),
        "events:putEvents": EventsTasks(posts, time.time),
        "aws-sdk:sfn": SfnApiTasks(web, settings.sfn_endpoint),
        "map-run": MapRunTasks(MapRunStore(client)),
    }
    try:
        yield Tasks(runners, mocks)
    finally:
        python.close()
        await web.close()
        await http_client.close()


@asynccontextmanager
async def open_objects(settings: TaskSettings) -> AsyncIterator[ObjectStore | None]:
    """Where datasets are: the folder that is set, else the S3 endpoint; None: nowhere."""
    if settings.datasets is not None:
        yield LocalFolder(settings.datasets)
    elif settings.s3_endpoint:
        from orchestration.datasets.s3 import S3  # brings botocore along, for which no other process should wait

        s3 = S3(settings.s3_endpoint, settings.access_key, settings.secret_key.get_secret_value())
        try:
            yield s3
        finally:
            await s3.close()
    else:
        yield None
