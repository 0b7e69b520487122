"""A real process with a real SIGKILL at each named point: started again, the same key has exactly one effect."""

import asyncio
import contextlib
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.faults.plan import CrashPoint
from tests.integration.services.conftest import Process
from tests.services_orders import body
from tests.unhurried import unhurried_seconds


def charge(client: httpx.Client, order_id: str = "o-1", timeout: float = 5) -> httpx.Response:
    headers = {"Idempotency-Key": f"key-{order_id}"}
    return client.post("/charges", json=body(order_id), headers=headers, timeout=timeout)


def lines(client: httpx.Client, path: str) -> list[Any]:
    return [orjson.loads(line) for line in client.get(path).text.splitlines()]


def plan(client: httpx.Client, **rule: Any) -> None:
    client.put("/faults", json={"seed": 1, "rules": [{"service": "payment", **rule}]}).raise_for_status()


@pytest.mark.parametrize("point", list(CrashPoint))
def test_one_effect_after_a_crash_at_each_point(payment: Process, point: CrashPoint) -> None:
    with payment.start() as client:
        plan(client, kind="crash", point=point.value, attempts=1)
        answered = False
        with contextlib.suppress(httpx.TransportError):
            answered = charge(client).status_code == 200
        assert payment.wait() == -signal.SIGKILL
        if point in (CrashPoint.BEFORE_COMMIT, CrashPoint.AFTER_COMMIT, CrashPoint.BEFORE_PUBLISH):
            assert not answered
    with payment.start() as client:
        before = lines(client, "/ledger")
        assert len(before) == (0 if point is CrashPoint.BEFORE_COMMIT else 1)
        answer = charge(client)
        assert (answer.status_code, answer.json()["replayed"]) == (200, point is not CrashPoint.BEFORE_COMMIT)
        [effect] = lines(client, "/ledger")
        assert effect["attempt"] == (2 if point is CrashPoint.BEFORE_COMMIT else 1)
        [truth] = lines(client, "/faults/injected")
        assert (truth["kind"], truth["point"], truth["attempt"]) == ("crash", point.value, 1)


async def test_answers_are_lost_as_planned(payment: Process) -> None:
    with payment.start() as client:
        plan(client, kind="lost_reply", reply="reset", attempts=1)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            charge(client, "o-1")
        plan(client, kind="lost_reply", reply="hang", attempts=1)
        with pytest.raises(httpx.ReadTimeout):
            client.post("/charges", json=body("o-2"), headers={"Idempotency-Key": "key-o-2"}, timeout=0.5)
        plan(client, kind="hang", attempts=1)
        async with unhurried_seconds() as taken:
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                # Far more patient than a caller may be: cut off in the end by the service, not by itself.
                await asyncio.to_thread(charge, client, "o-3", timeout=60)
        assert 2 < taken[0] < 5
        assert [row["order_id"] for row in lines(client, "/ledger")] == ["o-1", "o-2"]
        for order_id in ("o-1", "o-2"):
            assert charge(client, order_id).json()["replayed"]


def test_sigterm_ends_it_gently_within_three_seconds(payment: Process) -> None:
    with payment.start() as client:
        charge(client)
        plan(client, kind="hang")
        with pytest.raises(httpx.ReadTimeout):
            client.post("/charges", json=body("o-2"), headers={"Idempotency-Key": "k"}, timeout=0.2)
        assert payment.running is not None
        began = time.monotonic()
        payment.running.terminate()
        assert payment.wait() == 0
        assert time.monotonic() - began < 3


def test_a_wrong_setting_is_named_and_ends_it(tmp_path: Path) -> None:
    process = Process("payment", f"sqlite:///{tmp_path}/p.db", variables={"LAB_GUARDS_OFF": "tombstones"})
    with pytest.raises(AssertionError, match="no such guard: tombstones"):
        process.start()
    process = Process("payment", "mysql://nowhere")
    with pytest.raises(AssertionError, match="SQLite or PostgreSQL"):
        process.start()
