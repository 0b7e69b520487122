"""The outcomes of orders as Locust events, from a front door's ``GET /outcomes``: one small question for all orders.

Under Locust's greenlets. The response time of an outcome runs from the moment that the order was due until the lane's
own durable timestamp of its end; how long this feed took to hear of it counts for nothing.
"""

import http.client
import json
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any, Final

import gevent
from gevent.event import AsyncResult
from locust.env import Environment

ASK_EVERY_S: Final = 0.5
PAGE: Final = 1000
EARLY_KEPT: Final = 10_000  # also orders of others: this feed tells of all
ANSWER_TIMEOUT_S: Final = 5.0
REQUEST_TYPE: Final = "OUTCOME"


def fire(environment: Environment, kind: str, name: str, taken_s: float, failure: Exception | None) -> None:
    """An event in Locust's statistics, beside those of its requests."""
    environment.events.request.fire(  # type: ignore[no-untyped-call]  # untyped in locust
        request_type=kind, name=name, response_time=1000 * taken_s, response_length=0, exception=failure, context={}
    )


class OutcomeFeed:
    """Fires an event for each expected order that ends, named by its outcome; one that failed is a failure."""

    def __init__(self, environment: Environment, front_door_url: str, ask_every_s: float = ASK_EVERY_S) -> None:
        self._environment = environment
        self._url = front_door_url.rstrip("/")
        self._ask_every_s = ask_every_s
        self._cursor = 0
        self._waiting: dict[str, tuple[float, AsyncResult[str]]] = {}
        self._early: dict[str, dict[str, Any]] = {}  # told before the sender heard that its order was accepted
        gevent.spawn(self._follow)

    def expect(self, order_id: str, due_at: float) -> "AsyncResult[str]":
        """The outcome, when it comes. ``due_at``: epoch seconds."""
        result: AsyncResult[str] = AsyncResult()
        self._waiting[order_id] = (due_at, result)
        row = self._early.pop(order_id, None)
        if row is not None:
            self._take(row)
        return result

    @property
    def open(self) -> int:
        """Expected orders without an outcome."""
        return len(self._waiting)

    def _follow(self) -> None:
        while True:
            try:
                more = self._read_page()
            except (urllib.error.URLError, http.client.HTTPException, OSError):
                more = False  # out of reach: asked again
            if not more:
                gevent.sleep(self._ask_every_s)

    def _read_page(self) -> bool:
        url = f"{self._url}/outcomes?after={self._cursor}&limit={PAGE}"
        with urllib.request.urlopen(url, timeout=ANSWER_TIMEOUT_S) as answer:
            rows = [json.loads(line) for line in answer.read().splitlines() if line.strip()]
        for row in rows:
            self._cursor = max(self._cursor, row["cursor"])
            self._take(row)
        return len(rows) >= PAGE

    def _take(self, row: dict[str, Any]) -> None:
        expected = self._waiting.pop(row["order_id"], None)
        if expected is None:
            self._early[row["order_id"]] = row
            while len(self._early) > EARLY_KEPT:
                del self._early[next(iter(self._early))]
            return
        due_at, result = expected
        status = row["status"]
        taken_s = datetime.fromisoformat(row["finished_at"]).timestamp() - due_at
        failed = RuntimeError("the order failed") if status == "failed" else None
        fire(self._environment, REQUEST_TYPE, status, taken_s, failed)
        result.set(status)
