"""The read model and the stories over HTTP, beside AWS's API: what a list, a table, an event view and a graph need."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict, PlainSerializer, SecretStr
from starlette.requests import Request
from starlette.responses import Response

from broker.errors import BrokerError
from orchestration.asl.state import Status
from orchestration.errors import OrchestrationError, Unreadable
from orchestration.rfc3339 import rfc3339
from orchestration.visibility.cursors import BadCursor
from orchestration.visibility.executions import MAX_PAGE, PAGE, ExecutionRow, Executions, Filter, Page, Waits
from orchestration.visibility.graph import Graph
from orchestration.visibility.reading import Stories
from orchestration.visibility.story import EntryStatus
from services.bodies import check_host, error_response, json_response
from services.openapi import error_docs

MAX_CURSOR: Final = 2**63 - 1

Instant = Annotated[float, PlainSerializer(rfc3339, return_type=str)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Cursor = Annotated[str | None, Query(max_length=100, description="The ``next`` of the page before.")]
StuckFor = Annotated[float | None, Query(ge=0, le=1e9, description="Seconds; only those that nothing will wake.")]
EntriesAfter = Annotated[int, Query(ge=0, le=MAX_CURSOR, description="Only entries with a higher id.")]
Waiting = Literal["any", "callback", "retry", "timer", "child", "task"]
T = TypeVar("T")


class _Body(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ExecutionBody(_Body):
    arn: str
    token: str
    machine: str
    name: str
    reference: str
    version: str
    alias: str
    map_run: str
    status: Status
    started_at: Instant
    stopped_at: Instant | None
    redrive_count: int
    redriven_at: Instant | None
    error: str | None
    cause: str | None
    waits: Waits | None
    state: str
    resource: str
    since: Instant
    until: Instant | None


class ExecutionsBody(_Body):
    executions: list[ExecutionBody]
    next: str | None


class AttemptBody(_Body):
    number: int
    asked_at: Instant
    resource: str
    given: Any
    started_at: Instant | None
    submitted: Any
    ended_at: Instant | None
    output: Any
    error: str | None
    cause: str | None
    timed_out: bool


class EntryBody(_Body):
    """One time that a state was entered; ``undoes`` marks a compensation."""

    id: int
    state: str
    type: str
    inside: int
    index: int
    status: EntryStatus
    entered_at: Instant
    exited_at: Instant | None
    input: Any
    output: Any
    error: str | None
    cause: str | None
    undoes: str | None
    attempts: list[AttemptBody]
    map_run: str | None
    length: int | None


class StoryBody(_Body):
    """``whole`` false: some payloads are left out. ``next``: the id to ask for more entries after."""

    execution: ExecutionBody
    entries: list[EntryBody]
    graph: Graph | None
    whole: bool
    next: int | None


def add_visibility(app: FastAPI, executions: Executions, stories: Stories, admin_token: SecretStr) -> None:
    def own_host(request: Request) -> None:
        check_host(request, admin_token)

    router = APIRouter(tags=["executions"], dependencies=[Depends(own_host)])
    _add_lists(router, executions)
    _add_stories(router, stories)
    app.include_router(router)


def _add_lists(router: APIRouter, executions: Executions) -> None:
    @router.get("/executions", response_model=ExecutionsBody, responses=error_docs(403, 422, 503))
    async def listing(
        machine: str | None = None,
        status: Status | None = None,
        map_run: str | None = None,
        waiting: Waiting | None = None,
        stuck_for_s: StuckFor = None,
        limit: Limit = PAGE,
        after: Cursor = None,
    ) -> Response:
        """Newest first; with ``waiting`` or ``stuck_for_s``, of all machines: the longest waiting first."""
        if waiting is not None or stuck_for_s is not None:
            kind = None if waiting in (None, "any") else Waits(waiting)
            return await _answer(
                lambda: executions.waiting(kind, stuck_for_s=stuck_for_s, limit=limit, after=after), _page
            )
        which = Filter(machine=machine, status=status, map_run=map_run)
        return await _answer(lambda: executions.list(which, limit=limit, after=after), _page)


def _add_stories(router: APIRouter, stories: Stories) -> None:
    @router.get("/executions/{arn_or_token:path}", response_model=StoryBody, responses=error_docs(403, 404, 422, 503))
    async def story(arn_or_token: str, data: bool = True, limit: Limit = MAX_PAGE, after: EntriesAfter = 0) -> Response:
        """What each state entry did, and the machine as a graph. ``data=false`` leaves inputs and outputs out."""

        def told(found: Any) -> dict[str, Any]:
            entries = [entry for entry in found.entries if entry.id > after]
            return StoryBody(
                execution=ExecutionBody.model_validate(found.execution),
                entries=[EntryBody.model_validate(entry) for entry in entries[:limit]],
                graph=found.graph,
                whole=found.whole,
                next=entries[limit - 1].id if len(entries) > limit else None,
            ).model_dump(mode="json")

        return await _answer(lambda: stories.story(arn_or_token, with_data=data), told)

    @router.get("/machines/{name}/graph", response_model=Graph, responses=error_docs(403, 404, 422, 503))
    async def graph(name: str) -> Response:
        """A state machine as it is now: nodes, edges and groups."""
        return await _answer(lambda: stories.graph(name), lambda found: found)


async def _answer(ask: Callable[[], Awaitable[T | None]], body: Callable[[T], Any]) -> Response:
    try:
        found = await ask()
    except BadCursor as error:
        return error_response(422, "BadRequest", str(error))
    except Unreadable as error:
        return error_response(404, "NotFound", str(error))
    except (BrokerError, OrchestrationError) as error:
        return error_response(503, "NotYet", str(error), headers={"retry-after": "1"})
    if found is None:
        return error_response(404, "NotFound", "there is no such thing")
    return json_response(body(found))


def _page(page: Page) -> dict[str, Any]:
    rows: list[ExecutionRow] = list(page.rows)
    return ExecutionsBody(executions=[ExecutionBody.model_validate(row) for row in rows], next=page.next).model_dump(
        mode="json"
    )
