"""The front door's HTTP shell in front of a lane that does as it is told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from services.front_door import Decided, NotDurable, Outcome, Placed
from services.front_door_http import create_door_app
from services.order import Order
from services.settings import Settings
from services.trail import OrderStatus, OrderTrail, OrderView, PendingApproval
from tests.services_orders import body


@dataclass
class ToldLane:
    """A lane in memory."""

    name: str = "told"
    orders: dict[str, Order] = field(default_factory=dict)
    durable: bool = True
    decided: Decided = Decided.ACCEPTED
    heard: list[tuple[str, bool, str]] = field(default_factory=list)

    def check(self) -> None:
        if not self.durable:
            raise NotDurable("the broker is out of reach", retry_after_s=7)

    async def place(self, order: Order) -> Placed:
        self.check()
        before = self.orders.setdefault(order.order_id, order)
        if before is order:
            return Placed.ACCEPTED
        return Placed.REPEATED if before == order else Placed.CONFLICT

    async def view(self, order_id: str) -> OrderView | None:
        self.check()
        if order_id not in self.orders:
            return None
        return OrderView(order_id=order_id, lane=self.name, status=OrderStatus.IN_PROGRESS, accepted_at="2026")

    async def trail(self, order_id: str) -> OrderTrail | None:
        if order_id not in self.orders:
            return None
        status = OrderStatus.IN_PROGRESS
        return OrderTrail(order_id=order_id, lane=self.name, status=status, stores=("S",), queries=1, entries=())

    async def decide(self, token: str, *, approve: bool, comment: str) -> Decided:
        self.check()
        self.heard.append((token, approve, comment))
        return self.decided

    async def pending_approvals(self) -> list[PendingApproval]:
        return [PendingApproval(order_id="o-1", token="t", total_cents=1, since="2026")]

    async def list_orders(self, status: OrderStatus | None, limit: int) -> list[OrderView]:
        views = [await self.view(order_id) for order_id in self.orders]
        return [view for view in views if view is not None and status in (None, view.status)][:limit]

    async def outcomes(self, after: int, limit: int) -> list[Outcome]:
        ended = [Outcome(n, f"o-{n}", OrderStatus.FULFILLED, "2026", "2026") for n in range(1, 6)]
        return [each for each in ended if each.cursor > after][:limit]

    async def ready(self) -> str | None:
        return None if self.durable else "no broker"


@pytest.fixture
def lane() -> ToldLane:
    return ToldLane()


def client_of(lane: ToldLane, address: str = "127.0.0.1", token: str = "") -> httpx.AsyncClient:
    app = create_door_app(Settings.model_validate({"admin_token": token}), lane)
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.fixture
async def door(lane: ToldLane) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(lane) as client:
        yield client


async def test_a_list_goes_on_where_the_last_page_ended(door: httpx.AsyncClient) -> None:
    for number in range(3):
        await door.post("/orders", json=body(order_id=f"o-{number}"))
    pages = [(await door.get("/orders", params={"limit": 2, "skip": skip})).json() for skip in (0, 2, 3)]
    assert [[view["order_id"] for view in page] for page in pages] == [["o-0", "o-1"], ["o-2"], []]


async def test_an_order_is_placed_and_found(door: httpx.AsyncClient) -> None:
    first = await door.post("/orders", json=body())
    assert (first.status_code, first.headers["location"], first.json()["placed"]) == (202, "/orders/o-1", "accepted")
    again = await door.post("/orders", json=body())
    assert (again.status_code, again.headers["location"], again.json()["placed"]) == (202, "/orders/o-1", "repeated")
    assert (await door.post("/orders", json=body(ship_to="Elsewhere"))).status_code == 409
    assert (await door.get("/orders/o-1")).json()["status"] == "in_progress"
    assert (await door.get("/orders/o-1/trail")).json()["stores"] == ["S"]
    assert len((await door.get("/orders", params={"status": "in_progress", "limit": 1})).json()) == 1
    assert (await door.get("/orders", params={"status": "fulfilled"})).json() == []


@pytest.mark.parametrize(
    ("content", "status", "path"),
    [
        (b"{", 400, None),
        (b"\xff\xfe", 400, None),
        (b"", 400, None),
        (b"[]", 422, ""),
        (b"null", 422, ""),
        (b"{}", 422, "order_id"),
        (b"[" * 100_000, 400, None),
    ],
)
async def test_a_body_that_is_no_order(door: httpx.AsyncClient, content: bytes, status: int, path: str | None) -> None:
    answer = await door.post("/orders", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["error"] == "BadRequest"
    if path is not None:
        assert path in [problem["path"] for problem in answer.json()["problems"]]


LINE = {"sku": "MUG-1", "quantity": 1, "unit_price_cents": 500}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"lines": [{**LINE, "quantity": -1}]}, "lines.0.quantity"),
        ({"lines": [LINE, {**LINE, "quantity": 10**30}]}, "lines.1.quantity"),
        ({"lines": [{**LINE, "quantity": "2"}]}, "lines.0.quantity"),
        ({"lines": [{**LINE, "quantity": 1.5}]}, "lines.0.quantity"),
        ({"lines": [{**LINE, "quantity": True}]}, "lines.0.quantity"),
        ({"lines": []}, "lines"),
        ({"lines": [LINE] * 101, "total_cents": 50_500}, "lines"),
        ({"lines": [{**LINE, "colour": "red"}]}, "lines.0.colour"),
        ({"total_cents": 501}, ""),
        ({"order_id": "o 1"}, "order_id"),
        ({"order_id": "o.1"}, "order_id"),
        ({"order_id": "o-1\n"}, "order_id"),
        ({"order_id": ""}, "order_id"),
        ({"currency": "euro"}, "currency"),
        ({"ship_to": "  "}, "ship_to"),
        ({"ship_to": None}, "ship_to"),
    ],
)
async def test_each_problem_is_named_with_its_path(
    door: httpx.AsyncClient, lane: ToldLane, changes: dict[str, object], path: str
) -> None:
    answer = await door.post("/orders", json=body(**changes))
    assert answer.status_code == 422
    assert path in [problem["path"] for problem in answer.json()["problems"]]
    assert not lane.orders, "nothing half-done"


async def test_limits_and_content_type(door: httpx.AsyncClient) -> None:
    as_json = {"content-type": "application/json"}
    assert (await door.post("/orders", content=b"x" * 2_000_000, headers=as_json)).status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536

    assert (await door.post("/orders", content=endless(), headers=as_json)).status_code == 413
    for wrong in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = await door.post("/orders", content=b"{}", headers={"content-type": wrong})
        assert answer.status_code == 415
    right = {"content-type": "Application/JSON; charset=utf-8"}
    assert (await door.post("/orders", content=b"{}", headers=right)).status_code == 422


async def test_what_cannot_be_made_durable_is_a_503_with_a_time(door: httpx.AsyncClient, lane: ToldLane) -> None:
    lane.durable = False
    for answer in (
        await door.post("/orders", json=body()),
        await door.get("/orders/o-1"),
        await door.post("/approvals/t", json={"decision": "approve"}),
    ):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    ready = await door.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "no broker")
    assert (await door.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("decided", "status"),
    [
        (Decided.ACCEPTED, 200),
        (Decided.REPEATED, 200),
        (Decided.CONFLICT, 409),
        (Decided.TOO_LATE, 410),
        (Decided.UNKNOWN, 404),
    ],
)
async def test_approvals(door: httpx.AsyncClient, lane: ToldLane, decided: Decided, status: int) -> None:
    lane.decided = decided
    answer = await door.post("/approvals/tok.en-1", json={"decision": "reject", "comment": "no"})
    assert answer.status_code == status
    assert lane.heard == [("tok.en-1", False, "no")]


async def test_a_decision_that_is_none(door: httpx.AsyncClient, lane: ToldLane) -> None:
    for wrong in ({}, {"decision": "maybe"}, {"decision": "approve", "comment": "x" * 3_000}, {"decision": 1}):
        assert (await door.post("/approvals/t", json=wrong)).status_code == 422
    assert (await door.post("/approvals/t", content=b"{")).status_code == 415
    assert not lane.heard


async def test_who_may_see_approvals(lane: ToldLane) -> None:
    async with client_of(lane, "10.0.0.1", token="secret") as stranger:
        assert (await stranger.get("/approvals")).status_code == 403
        forwarded = {"x-forwarded-for": "127.0.0.1"}
        assert (await stranger.get("/approvals", headers=forwarded)).status_code == 403
        wrong = {"authorization": "Bearer wrong"}
        assert (await stranger.get("/approvals", headers=wrong)).status_code == 403
        right = {"authorization": "Bearer secret"}
        assert (await stranger.get("/approvals", headers=right)).json()[0]["token"] == "t"
    async with client_of(lane, "10.0.0.1") as stranger:
        empty = {"authorization": "Bearer "}
        assert (await stranger.get("/approvals", headers=empty)).status_code == 403, "no token set: none fits"
    async with client_of(lane, "::1") as neighbour:
        assert (await neighbour.get("/approvals")).status_code == 200


async def test_outcomes_are_lines(door: httpx.AsyncClient) -> None:
    answer = await door.get("/outcomes", params={"after": 2, "limit": 2})
    assert [line.split(",")[0] for line in answer.text.splitlines()] == ['{"cursor":3', '{"cursor":4']
    assert (await door.get("/outcomes", params={"after": 9})).text == ""
    wrong = await door.get("/outcomes", params={"after": -1})
    assert (wrong.status_code, wrong.json()["problems"][0]["path"]) == (422, "query.after")


async def test_errors_have_one_format(door: httpx.AsyncClient) -> None:
    for answer, status in (
        (await door.get("/nowhere"), 404),
        (await door.get("/orders/none"), 404),
        (await door.get("/orders/none/trail"), 404),
        (await door.delete("/orders"), 405),
        (await door.get("/orders/not.an.id"), 422),
    ):
        assert answer.status_code == status
        assert set(answer.json()) >= {"error", "cause"}


async def test_a_wrong_method_is_told_the_right_ones(door: httpx.AsyncClient) -> None:
    assert (await door.delete("/orders")).headers["allow"] == "GET, POST"


async def test_metrics_count_each_accepted_order_once(door: httpx.AsyncClient) -> None:
    for _ in range(3):
        await door.post("/orders", json=body("counted"))
    text = (await door.get("/metrics")).text
    assert 'lab_orders_accepted_total{lane="told"}' in text


FOREIGN = [
    {"host": "evil.example"},  # DNS rebinding: the name of a page points to this machine
    {"host": "127.0.0.1.evil.example:7402"},
    {"host": ""},
    {"host": "localhost", "origin": "http://evil.example"},
    {"host": "localhost:7402", "origin": "http://localhost:3000"},
    {"host": "localhost", "origin": "null"},
    {"host": "localhost", "sec-fetch-site": "cross-site"},
    {"host": "localhost", "sec-fetch-site": "same-site"},
]
OWN = [
    {"host": "localhost:7402"},
    {"host": "127.0.0.1:7402", "origin": "http://127.0.0.1:7402", "sec-fetch-site": "same-origin"},
    {"host": "[::1]:7402", "sec-fetch-site": "none"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_page_of_another_site_is_no_admin(lane: ToldLane, headers: dict[str, str]) -> None:
    """A browser on this machine sends from here whatever any page tells it to."""
    async with client_of(lane, token="secret") as client:
        refused = await client.get("/approvals", headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (403, "Forbidden")
        assert "without the admin token" in refused.json()["cause"]
        allowed = await client.get("/approvals", headers={**headers, "authorization": "Bearer secret"})
        assert allowed.status_code == 200


@pytest.mark.parametrize("headers", OWN)
async def test_who_is_on_this_machine_is_admin(lane: ToldLane, headers: dict[str, str]) -> None:
    async with client_of(lane) as client:
        assert (await client.get("/approvals", headers=headers)).status_code == 200
