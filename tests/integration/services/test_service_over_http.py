"""A service over HTTP in one process with the test: answers, faults, bad input, reading, who may do what."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.errors import NoAnswer, Unavailable
from services.faults.injector import Injector
from services.faults.plan import CrashPoint, FaultKind, FaultPlan, FaultRule
from services.http import create_app
from services.operations import Operation
from services.operations import Service as Name
from services.service import Command, Service
from services.withholding import ConnectionCut
from tests.integration.services.conftest import settings_of
from tests.services_orders import body, order

JSON = {"content-type": "application/json"}


class Killed(Exception):
    """Stands for SIGKILL where the test wants to live on."""


def kill() -> None:
    raise Killed


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    opened = await Service.open(settings_of("payment", f"sqlite:///{tmp_path}/payment.db"), Injector(kill))
    yield opened
    await opened.close()


def client_of(service: Service, address: str = "127.0.0.1") -> httpx.AsyncClient:
    app = create_app(settings_of("payment", "unused", admin_token="secret"), service)
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service) as client:
        yield client


async def charge(http: httpx.AsyncClient, order_id: str = "o-1", key: str = "k-1", **changes: Any) -> httpx.Response:
    return await http.post("/charges", json=body(order_id, **changes), headers={"idempotency-key": key})


async def faults(http: httpx.AsyncClient, *rules: dict[str, Any]) -> None:
    answer = await http.put("/faults", json={"seed": 1, "rules": [{"service": "payment", **rule} for rule in rules]})
    answer.raise_for_status()


async def lines(http: httpx.AsyncClient, path: str, **query: int) -> list[Any]:
    answer = await http.get(path, params=query)
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [orjson.loads(line) for line in answer.text.splitlines()]


async def test_answers(http: httpx.AsyncClient) -> None:
    first = await charge(http)
    assert (first.status_code, first.json()["result"], first.json()["replayed"]) == (200, "done", False)
    again = await charge(http)
    assert again.json() == {**first.json(), "replayed": True}
    reused = await charge(http, ship_to="Elsewhere")
    assert (reused.status_code, reused.json()["error"]) == (422, "KeyReused")
    nothing = await http.post("/refunds", json=body("o-2"), headers={"idempotency-key": "k-2"})
    assert (nothing.status_code, nothing.json()["result"]) == (200, "nothing_to_undo")
    late = await charge(http, "o-2", "k-3")
    assert (late.status_code, late.json()["error"], late.json()["result"]) == (409, "OrderUndone", "refused")
    assert late.json()["cause"]


async def test_the_ledger_is_read_in_pages(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.service.PAGE", 3)
    for n in range(8):
        await charge(http, f"o-{n}", f"k-{n}")
    rows = await lines(http, "/ledger")
    assert [row["order_id"] for row in rows] == [f"o-{n}" for n in range(8)]
    assert set(rows[0]) == {"seq", "order_id", "operation", "amount_cents", "lines", "ref", "key", "at", "attempt"}
    assert await lines(http, "/ledger", after=rows[1]["seq"], limit=4) == rows[2:6]
    assert await lines(http, "/ledger", after=rows[-1]["seq"]) == []


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b"\xff", ""),
        (orjson.dumps(body(total_cents=1)), ""),
        (orjson.dumps(body(order_id="../etc")), "order_id"),
        (orjson.dumps(body(lines=[{"sku": "MUG-1", "quantity": 0, "unit_price_cents": 1}])), "lines.0.quantity"),
        (orjson.dumps(body(currency=7)), "currency"),
    ],
)
async def test_bad_bodies(http: httpx.AsyncClient, content: bytes, path: str) -> None:
    answer = await http.post("/charges", content=content, headers={**JSON, "idempotency-key": "k"})
    assert (answer.status_code, answer.json()["error"]) == (422, "BadRequest")
    assert path in [problem["path"] for problem in answer.json()["problems"]]
    assert await lines(http, "/ledger") == []


async def test_bad_requests(http: httpx.AsyncClient) -> None:
    for wrong_type in ({}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"}):
        answer = await http.post("/charges", content=b"{}", headers={**wrong_type, "idempotency-key": "k"})
        assert answer.status_code == 415
    for headers in ({}, {"idempotency-key": ""}, {"idempotency-key": "k" * 201}):
        answer = await http.post("/charges", json=body(), headers=headers)
        assert answer.json()["problems"][0]["path"] == "header.Idempotency-Key"
    big = await http.post("/charges", content=b" " * 2_000_000, headers={**JSON, "idempotency-key": "k"})
    assert big.status_code == 413
    for path in ("/ledger?after=-1", "/ledger?limit=0", "/ledger?after=x", f"/ledger?after={2**63}"):
        assert (await http.get(path)).status_code == 422
    assert (await http.post("/reservations", json=body())).status_code == 404, "another service's"
    for wrong in ({"rules": [{"kind": "bad"}]}, {"rules": {}}, {"seed": 2**70}, []):
        assert (await http.put("/faults", json=wrong)).status_code == 422
    assert (await http.put("/faults", content=b"{")).status_code == 422


async def test_faults_are_for_admins(service: Service) -> None:
    async with client_of(service, "192.0.2.1") as stranger:
        for method, path in (("GET", "/faults"), ("PUT", "/faults"), ("GET", "/faults/injected")):
            assert (await stranger.request(method, path)).status_code == 403
        admin = {"authorization": "Bearer secret"}
        assert (await stranger.get("/faults", headers=admin)).json() == {
            "plan": {"seed": 0, "rules": []},
            "injected": {},
        }
        assert (await stranger.get("/ledger")).status_code == 200


@pytest.mark.parametrize("kind", ["error", "broken"])
async def test_errors_strike_before_the_effect(http: httpx.AsyncClient, kind: str) -> None:
    await faults(http, {"kind": kind})
    for _ in range(2):
        answer = await charge(http)
        assert (answer.status_code, answer.json()["error"]) == (503, "Unavailable")
    assert await lines(http, "/ledger") == []
    await faults(http)
    assert (await charge(http)).status_code == 200
    assert [row["attempt"] for row in await lines(http, "/ledger")] == [3]
    truth = await lines(http, "/faults/injected")
    assert [(row["kind"], row["attempt"], row["order_id"], row["key"]) for row in truth] == [
        (kind, 1, "o-1", "k-1"),
        (kind, 2, "o-1", "k-1"),
    ]
    assert {row["service"] for row in truth} == {"payment"}
    assert (await http.get("/faults")).json()["injected"] == {kind: 2}


async def test_a_hang_has_no_effect_and_a_lost_reply_has(http: httpx.AsyncClient, service: Service) -> None:
    await faults(http, {"kind": "lost_reply", "attempts": 1})
    with pytest.raises(ConnectionCut):
        await charge(http)
    assert len(await lines(http, "/ledger")) == 1
    assert (await charge(http)).json()["replayed"]
    await faults(http, {"kind": "hang", "attempts": 1})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await charge(http, "o-2", "k-2")
    with pytest.raises(NoAnswer) as no_answer:
        await service.execute(Command(Operation.CHARGE, order("o-3"), "k-3"), hang_s=0)
    assert (no_answer.value.kind, no_answer.value.attempt) == ("hang", 1)
    assert len(await lines(http, "/ledger")) == 1


async def test_a_refusal_is_the_recorded_answer(http: httpx.AsyncClient) -> None:
    await faults(http, {"kind": "refusal"})
    assert (await charge(http)).json()["error"] == "CardDeclined"
    await faults(http)
    assert (await charge(http)).json()["error"] == "CardDeclined", "the first answer stands"


async def test_a_refused_undo_can_be_asked_for_again(http: httpx.AsyncClient) -> None:
    await charge(http)
    await faults(http, {"kind": "refusal", "operation": "refund"})
    refund = {"url": "/refunds", "json": body(), "headers": {"idempotency-key": "r"}}
    assert (await http.post(**refund)).status_code == 409
    await faults(http)
    assert (await http.post(**refund)).json()["result"] == "done"


async def test_slow_waits_and_then_acts(http: httpx.AsyncClient) -> None:
    await faults(http, {"kind": "slow", "delay": {"distribution": "constant", "mean_s": 0.1}})
    began = asyncio.get_running_loop().time()
    assert (await charge(http)).status_code == 200
    assert asyncio.get_running_loop().time() - began >= 0.1


async def test_a_listener_meets_the_same_faults(service: Service) -> None:
    rules = tuple(FaultRule(kind=kind, service=Name.PAYMENT, attempts=1) for kind in (FaultKind.LOST_REPLY,))
    await service.set_plan(FaultPlan(rules=rules))
    command = Command(Operation.CHARGE, order(), "k")
    with pytest.raises(NoAnswer):
        await service.execute(command)
    assert (await service.execute(command)).replayed
    await service.set_plan(FaultPlan(rules=(FaultRule(kind=FaultKind.BROKEN, service=Name.PAYMENT),)))
    with pytest.raises(Unavailable) as unavailable:
        await service.execute(command)
    assert (unavailable.value.kind, unavailable.value.attempt) == ("broken", 2)


@pytest.mark.parametrize("point", [CrashPoint.BEFORE_PUBLISH, CrashPoint.AFTER_PUBLISH, CrashPoint.BEFORE_ACK])
async def test_a_shell_dies_where_it_says_that_it_is(service: Service, point: CrashPoint) -> None:
    rule = FaultRule(kind=FaultKind.CRASH, service=Name.PAYMENT, point=point, attempts=1)
    await service.set_plan(FaultPlan(rules=(rule,)))
    answer = await service.execute(Command(Operation.CHARGE, order(), "k"))
    for other in set(CrashPoint) - {point}:
        service.crash_point("o-1", Operation.CHARGE, other)
    service.crash_point("o-2", Operation.CHARGE, point)
    with pytest.raises(Killed):
        service.crash_point("o-1", Operation.CHARGE, point)
    service.crash_point("o-1", Operation.CHARGE, point)
    assert not answer.replayed


async def test_both_wirings_would_meet_the_same_faults(tmp_path: Path) -> None:
    """Same plan, same orders, another order of arrival and another company: the same ground truth."""
    rules = tuple(
        FaultRule(kind=kind, service=Name.PAYMENT, probability=0.3) for kind in (FaultKind.ERROR, FaultKind.LOST_REPLY)
    )
    truths = []
    for lane, orders in (("one", range(30)), ("two", reversed(range(30)))):
        service = await Service.open(settings_of("payment", f"sqlite:///{tmp_path}/{lane}.db"))
        await service.set_plan(FaultPlan(seed=5, rules=rules))
        commands = [Command(Operation.CHARGE, order(f"o-{n}"), f"{lane}-{n}") for n in orders]
        if lane == "one":
            await service.execute_all(commands)
        for command in commands:
            await service.execute_all([command])
        if lane == "two":
            await service.execute_all(commands)
        rows = [orjson.loads(line) async for page in service.injected() for line in page.splitlines()]
        truths.append({(r["order_id"], r["operation"], r["attempt"], r["kind"]) for r in rows})
        await service.close()
    assert truths[0] == truths[1] != set()


async def test_the_warehouse_offers_its_catalogue_and_stock(tmp_path: Path) -> None:
    settings = settings_of("warehouse", f"sqlite:///{tmp_path}/warehouse.db", stock_scale=2.0)
    service = await Service.open(settings)
    transport = httpx.ASGITransport(create_app(settings, service))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        products = (await http.get("/catalogue")).json()
        stock = (await http.get("/stock")).json()
        assert set(products[0]) == {"sku", "unit_price_cents", "popularity", "stock"}
        assert stock == {p["sku"]: {"seeded": p["stock"], "available": p["stock"]} for p in products}
        sku = products[0]["sku"]
        reserve = order(sku=sku, quantity=2).model_dump(mode="json")
        await http.post("/reservations", json=reserve, headers={"idempotency-key": "k"})
        assert (await http.get("/stock")).json()[sku]["available"] == products[0]["stock"] - 2
    await service.close()
