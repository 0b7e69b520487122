"""The lanes and the control API as pages ask them: HTTP in, JSON out. The one place that knows URLs and tokens.

Methods raise ``OutOfReach`` (no answer, or 5xx: try again), ``Refused`` (4xx) or ``BadInput`` (404): each text is a
line that a page can show. It must not know what a page looks like.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import aiohttp
import orjson

from lab.console.settings import BrokerLogin, ConsoleSettings
from lab.control.address import reachable
from lab.errors import BadInput, NotUp, OutOfReach
from lab.http_json import Answer
from lab.lane_client import checked

ANSWER_WITHIN_S: Final = 8.0
ACTION_WITHIN_S: Final = 30.0
RESTART_WITHIN_S: Final = 90.0  # a whole lane's processes, at once
CONNECTIONS: Final = 20
AWS_JSON: Final = "application/x-amz-json-1.0"


class LaneBackend:
    """One lane: its components by name, asked with the lab's own token."""

    def __init__(
        self, name: str, urls: Mapping[str, str], token: str, broker: BrokerLogin | None, session: aiohttp.ClientSession
    ) -> None:
        self.name = name
        self.urls = dict(urls)
        self.broker = broker
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    async def ask(
        self,
        method: str,
        component: str,
        path: str,
        body: object | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        within_s: float = ANSWER_WITHIN_S,
    ) -> Answer:
        """The plain answer, whatever its status."""
        status, content = await self._exchange(method, component, path, body, headers, within_s)
        return Answer(status, _parsed(content))

    async def _exchange(
        self,
        method: str,
        component: str,
        path: str,
        body: object | None,
        headers: Mapping[str, str] | None,
        within_s: float,
    ) -> tuple[int, bytes]:
        if component not in self.urls:
            raise BadInput(f"lane {self.name} has no {component!r}; it has: {', '.join(self.urls)}")
        sent = {**self._headers, **(headers or {})}
        content = None
        if body is not None:
            content = orjson.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        try:
            async with self._session.request(
                method,
                self.urls[component] + path,
                data=content,
                headers=sent,
                timeout=aiohttp.ClientTimeout(total=within_s),
            ) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutOfReach(f"{self.name}: {component} gives no answer ({type(error).__name__})") from error

    async def json(self, method: str, component: str, path: str, body: object | None = None) -> Any:
        """The body of a good answer."""
        return checked(self.name, await self.ask(method, component, path, body))

    async def text(self, component: str, path: str, *, within_s: float = ANSWER_WITHIN_S) -> str:
        status, content = await self._exchange("GET", component, path, None, {"Accept": "text/plain"}, within_s)
        if status >= 300:
            checked(self.name, Answer(status, _parsed(content)))
        return content.decode(errors="replace")

    async def aws(self, operation: str, body: Mapping[str, Any], component: str = "door") -> Answer:
        """One call of AWS's own API, where the lane has a conductor."""
        return await self.ask(
            "POST",
            component,
            "/",
            body,
            headers={"Content-Type": AWS_JSON, "X-Amz-Target": f"AWSStepFunctions.{operation}"},
            within_s=ACTION_WITHIN_S,
        )

    async def place(self, order: Mapping[str, Any]) -> Any:
        return await self.json("POST", "door", "/orders", order)

    async def view(self, order_id: str) -> Any:
        return await self.json("GET", "door", f"/orders/{quote(order_id, safe='')}")

    async def trail(self, order_id: str) -> Any:
        return await self.json("GET", "door", f"/orders/{quote(order_id, safe='')}/trail")

    async def orders(self, status: str | None = None, limit: int = 100, skip: int = 0) -> list[dict[str, Any]]:
        query = {"limit": limit, "skip": skip} | ({"status": status} if status else {})
        return list(await self.json("GET", "door", f"/orders?{urlencode(query)}"))

    async def outcomes(self, after: int, limit: int = 1_000) -> list[dict[str, Any]]:
        return lines(await self.text("door", f"/outcomes?after={after}&limit={limit}"))

    async def ledger(self, service: str, after: int, limit: int = 5_000) -> list[dict[str, Any]]:
        return lines(await self.text(service, f"/ledger?after={after}&limit={limit}"))

    async def injected(self, service: str, after: int, limit: int) -> list[dict[str, Any]]:
        return lines(await self.text(service, f"/faults/injected?after={after}&limit={limit}"))

    async def faults(self, service: str) -> dict[str, Any]:
        return dict(await self.json("GET", service, "/faults"))

    async def put_faults(self, service: str, plan: Mapping[str, Any]) -> None:
        await self.json("PUT", service, "/faults", plan)


class Backend:
    """``async with``: every lane by name, and the control API where there is one."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self.lanes: dict[str, LaneBackend] = {}
        self.practices: Mapping[str, str] = settings.practices  # by lane, as they were when the console was started

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS))
        token = self._settings.admin_token.get_secret_value()
        for name, urls in self._settings.lanes.items():
            self.lanes[name] = LaneBackend(name, urls, token, self._settings.brokers.get(name), self._session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def lane(self, name: str) -> LaneBackend:
        """Raises ``BadInput`` naming the lanes that are there."""
        if name not in self.lanes:
            raise BadInput(f"lane {name!r} is not up; up: {', '.join(self.lanes)}")
        return self.lanes[name]

    @property
    def can_control(self) -> bool:
        return self._settings.control is not None

    async def status(self) -> dict[str, Any]:
        """The control API's status document. Raises ``NotUp`` without a control API."""
        return dict(await self._control("GET", "/status"))

    async def act(self, process: str, action: str) -> str:
        """kill, freeze, thaw or restart; the process's state afterwards."""
        answer = await self._control("POST", f"/processes/{quote(process, safe='')}/{action}")
        return str(answer["state"])

    async def set_practices(self, lane: str, practices: str) -> list[str]:
        """The processes that were started anew with them; they are all ready again."""
        target = f"/lanes/{quote(lane, safe='')}/practices"
        answer = await self._control("POST", target, {"practices": practices}, within_s=RESTART_WITHIN_S)
        return list(answer["restarted"])

    async def _control(
        self, method: str, target: str, body: object | None = None, *, within_s: float = ACTION_WITHIN_S
    ) -> Any:
        path = self._settings.control
        if path is None:
            raise NotUp("processes are not controlled from here: this console was started without a control socket")
        timeout = aiohttp.ClientTimeout(total=within_s)
        try:
            with reachable(path) as address:
                async with (
                    aiohttp.ClientSession(connector=aiohttp.UnixConnector(address), timeout=timeout) as session,
                    session.request(method, f"http://lab{target}", json=body) as answer,
                ):
                    return checked("control", Answer(answer.status, _parsed(await answer.read())))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise OutOfReach(f"the lab's control API gives no answer ({type(error).__name__})") from error


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode(errors="replace")


def lines(text: str) -> list[dict[str, Any]]:
    """Every object of an NDJSON answer. Raises ``OutOfReach`` where it was cut off."""
    try:
        return [orjson.loads(line) for line in text.splitlines() if line]
    except orjson.JSONDecodeError as error:
        raise OutOfReach(f"an answer was cut off: {error}") from error
