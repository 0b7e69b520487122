"""One conductor drives orders over a real broker and stub services: what it calls, what it stores, what can be told."""

import asyncio

from aiohttp import web

from broker.publish import Message, publish
from broker.read import all_of
from orchestration.orders.read_model import READERS, Orders
from orchestration.runtime import records
from orchestration.runtime.history import HopefulHistory
from orchestration.visibility.read_model import open_read_model, running
from services.front_door import Placed
from services.trail import OrderStatus
from tests.conftest import RealNats
from tests.integration.orchestration.lane import eventually, machine, order, refused, running_lane, unavailable

HAPPY = ["/charges", "/reservations", "/labels"]


async def test_happy_path_stores_a_start_and_one_append_for_each_step(nats_url: RealNats) -> None:
    async with running_lane(nats_url) as lane:
        await lane.worker()
        assert await lane.lane.place(order("o-1")) is Placed.ACCEPTED
        view = await lane.until("o-1")
        assert view.status is OrderStatus.FULFILLED
        assert lane.stubs.paths_of("o-1") == HAPPY
        found = await lane.records("o-1")
        assert [record.subject for record in found] == ["exec.start.o-1", *["exec.log.o-1"] * 3]
        assert view.accepted_at[:20] == found[0].at[:20]
        assert await lane.lane.place(order("o-1")) is Placed.REPEATED
        assert await lane.lane.place(order("o-1", 999)) is Placed.CONFLICT
        await lane.check_history("o-1")


async def test_the_trail_tells_each_step(nats_url: RealNats) -> None:
    async with running_lane(nats_url) as lane:
        await lane.worker()
        await lane.lane.place(order("o-1"))
        await lane.until("o-1")
        trail = await lane.lane.trail("o-1")
        assert trail is not None
        assert trail.status is OrderStatus.FULFILLED
        assert (trail.stores, trail.queries) == ((records.STREAM,), 1)
        assert trail.entries[0].what == "ExecutionStarted"
        done = [entry for entry in trail.entries if entry.what == "TaskSucceeded"]
        assert [(e.step, e.service, e.operation, e.attempt) for e in done] == [
            ("Charge", "payment", "charge", 1),
            ("Reserve", "warehouse", "reserve", 1),
            ("PrintLabel", "shipping", "print_label", 1),
        ]
        scheduled = next(entry for entry in trail.entries if entry.what == "TaskScheduled")
        assert scheduled.input == order("o-1").model_dump(mode="json")
        assert done[0].output["result"] == "done"
        assert await lane.lane.trail("nobody") is None
        assert await lane.lane.view("nobody") is None


async def test_a_technical_error_is_retried_under_the_same_key(nats_url: RealNats) -> None:
    async def behave(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        return unavailable() if path == "/reservations" and attempt < 3 else None

    async with running_lane(nats_url) as lane:
        lane.stubs.behave = behave
        await lane.worker()
        await lane.lane.place(order("o-1"))
        assert (await lane.until("o-1")).status is OrderStatus.FULFILLED
        tries = [call for call in lane.stubs.calls if call.path == "/reservations"]
        assert len(tries) == 3
        assert len({call.key for call in tries}) == 1
        assert len({call.traceparent for call in tries}) == 3
        assert len({call.traceparent[:35] for call in lane.stubs.calls}) == 1
        trail = await lane.lane.trail("o-1")
        assert trail is not None
        failed = [entry for entry in trail.entries if entry.what == "TaskFailed"]
        assert [(e.step, e.error, e.attempt) for e in failed] == [
            ("Reserve", "Http.Unavailable", 1),
            ("Reserve", "Http.Unavailable", 2),
        ]
        await lane.check_history("o-1")


async def test_a_refusal_is_undone_in_reverse_order_and_not_retried(nats_url: RealNats) -> None:
    async def behave(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        if order_id == "declined" and path == "/charges":
            return refused("CardDeclined")
        return refused("OutOfStock") if order_id == "sold-out" and path == "/reservations" else None

    async with running_lane(nats_url) as lane:
        lane.stubs.behave = behave
        await lane.worker()
        await asyncio.gather(lane.lane.place(order("declined")), lane.lane.place(order("sold-out")))
        declined, sold_out = await lane.until("declined"), await lane.until("sold-out")
        assert (declined.status, declined.reason) == (OrderStatus.ROLLED_BACK, "CardDeclined: no")
        assert (sold_out.status, sold_out.reason) == (OrderStatus.ROLLED_BACK, "OutOfStock: no")
        assert lane.stubs.paths_of("declined") == []
        assert lane.stubs.paths_of("sold-out") == ["/charges", "/releases", "/refunds"]
        assert len([call for call in lane.stubs.calls if call.path == "/reservations"]) == 1


async def test_used_up_retries_and_no_answer_are_undone(nats_url: RealNats) -> None:
    async def behave(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        if path == "/labels":
            await asyncio.sleep(60)
        return None

    async with running_lane(nats_url) as lane:
        lane.stubs.behave = behave
        await lane.worker()
        await lane.lane.place(order("o-1"))
        view = await lane.until("o-1")
        assert view.status is OrderStatus.ROLLED_BACK
        assert (view.reason or "").startswith("States.Timeout")
        assert len([call for call in lane.stubs.calls if call.path == "/labels"]) == 4
        assert lane.stubs.paths_of("o-1") == ["/charges", "/reservations", "/voids", "/releases", "/refunds"]


async def test_an_undo_that_cannot_succeed_is_parked_until_a_person_resumes_it(nats_url: RealNats) -> None:
    async def behave(path: str, order_id: str, attempt: int) -> web.StreamResponse | None:
        if path == "/reservations":
            return refused("OutOfStock")
        if path == "/releases" and attempt == 1:
            return web.json_response({"error": "BadRequest", "cause": "odd"}, status=422)
        return None

    async with running_lane(nats_url) as lane:
        lane.stubs.behave = behave
        await lane.worker()
        await lane.lane.place(order("o-1"))
        view = await lane.until("o-1", OrderStatus.PARKED)
        assert view.reason == "Http.BadRequest: 422: odd"

        async def shown() -> bool:
            return len(await lane.lane.parked()) == 1

        await eventually(shown)
        assert await lane.lane.pending_approvals() == []
        (parked,) = await lane.lane.parked()
        for approve in (True, False):  # who may approve may not therefore resume an undo
            assert await lane.lane.decide(parked.token, approve=approve, comment="") == "unknown"
        assert await lane.lane.resume(parked.token) == "accepted"
        assert (await lane.until("o-1")).status is OrderStatus.ROLLED_BACK
        assert lane.stubs.paths_of("o-1") == ["/charges", "/releases", "/refunds"]


async def test_the_read_model_lists_and_tells_outcomes_in_order_of_ending(nats_url: RealNats) -> None:
    async with running_lane(nats_url) as lane:
        await lane.worker()
        ids = [f"o-{n}" for n in range(20)]
        await asyncio.gather(*(lane.lane.place(order(order_id)) for order_id in ids))

        async def all_ended() -> bool:
            return len(await lane.lane.outcomes(0, 100)) == len(ids)

        await eventually(all_ended)
        outcomes = await lane.lane.outcomes(0, 100)
        assert [o.cursor for o in outcomes] == sorted(o.cursor for o in outcomes)
        assert {o.order_id for o in outcomes} == set(ids)
        assert all(o.accepted_at < o.finished_at for o in outcomes)
        assert await lane.lane.outcomes(outcomes[9].cursor, 5) == outcomes[10:15]
        assert len(await lane.lane.list_orders(OrderStatus.FULFILLED, 7)) == 7
        assert await lane.lane.list_orders(OrderStatus.UNDOING, 7) == []
        before = await lane.lane.list_orders(None, 100)

        # Another door builds the same from the stream alone.
        await lane.read_model.stop()
        another = open_read_model(lane.client, "", readers=READERS)
        orders = Orders("orchestration", another.executions)
        async with running(another):

            async def built() -> bool:
                return another.projector.ready

            await eventually(built)
            assert await orders.views(None, 100) == before
            assert await orders.outcomes(0, 100) == outcomes


async def test_what_cannot_be_read_is_set_apart(nats_url: RealNats) -> None:
    async with running_lane(nats_url) as lane:
        await lane.worker()
        await publish(lane.client, Message("exec.start.broken", b"\xff not json"))
        await publish(lane.client, Message("exec.start.odd", records.Start("no-such-machine", {}, "f").encode()))
        await publish(lane.client, Message("exec.wake.nobody.stop", b'{"stop":true,"error":null,"cause":null}'))
        await lane.lane.place(order("o-1"))
        await lane.until("o-1")

        async def apart() -> bool:
            return len(await all_of(lane.client, records.STREAM, f"{records.DEAD}.*")) == 3

        await eventually(apart)
        letters = [record.body for record in await all_of(lane.client, records.STREAM, f"{records.DEAD}.*")]
        assert b"not JSON" in letters[0]
        shown = await lane.lane.dead_letters()
        assert [letter.order_id for letter in shown] == ["broken", "odd", "nobody"]
        assert await lane.lane.place(order("broken")) is Placed.CONFLICT
        assert await lane.lane.trail("broken") is not None


async def test_without_outbox_the_history_is_hoped_for_and_approvals_find_their_conductor(nats_url: RealNats) -> None:
    async with running_lane(nats_url, machine(practices="naive")) as lane:
        await lane.worker("a", history=HopefulHistory)
        await lane.worker("b", history=HopefulHistory)
        ids = [f"o-{n}" for n in range(6)]
        for order_id in ids:
            await lane.lane.place(order(order_id, 60_000))
        for order_id in ids:
            await lane.until(order_id, OrderStatus.WAITING_FOR_APPROVAL)

        async def shown() -> bool:
            return len(await lane.lane.pending_approvals()) == len(ids)

        await eventually(shown)
        for pending in await lane.lane.pending_approvals():
            assert await lane.lane.decide(pending.token, approve=True, comment="") == "accepted"
        for order_id in ids:
            assert (await lane.until(order_id)).status is OrderStatus.FULFILLED
