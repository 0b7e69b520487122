"""Waiting for a person: granted, rejected, repeated, contradicted, forged, late, timed out; in nobody's memory."""

import pytest

from broker.read import all_of
from orchestration.rfc3339 import epoch_s
from orchestration.runtime import records
from orchestration.runtime.tokens import token_maker
from services.front_door import Decided
from services.trail import OrderStatus, PendingApproval
from tests.conftest import RealNats
from tests.integration.orchestration.lane import SECRET, TestLane, eventually, machine, order, running_lane

LARGE = 60_000


async def pending(lane: TestLane, order_id: str) -> PendingApproval:
    found: list[PendingApproval] = []

    async def shown() -> bool:
        found[:] = [each for each in await lane.lane.pending_approvals() if each.order_id == order_id]
        return bool(found)

    await eventually(shown)
    return found[0]


async def test_granted_once_repeated_and_contradicted(nats_url: RealNats) -> None:
    async with running_lane(nats_url) as lane:
        worker = await lane.worker()
        await lane.lane.place(order("o-1", LARGE))
        await lane.until("o-1", OrderStatus.WAITING_FOR_APPROVAL)
        waiting = await pending(lane, "o-1")
        assert waiting.total_cents == LARGE

        async def forgotten() -> bool:
            return len(worker.conductor.holding) == 0

        await eventually(forgotten)
        assert await lane.lane.resume(waiting.token) is Decided.UNKNOWN
        assert await lane.lane.decide(waiting.token, approve=True, comment="fine") is Decided.ACCEPTED
        assert await lane.lane.decide(waiting.token, approve=True, comment="fine!") is Decided.REPEATED
        assert await lane.lane.decide(waiting.token, approve=False, comment="") is Decided.CONFLICT
        assert (await lane.until("o-1")).status is OrderStatus.FULFILLED
        assert await lane.lane.decide(waiting.token, approve=True, comment="") is Decided.REPEATED
        assert await lane.lane.resume(waiting.token) is Decided.UNKNOWN
        assert lane.stubs.paths_of("o-1") == ["/charges", "/reservations", "/labels"]
        # A start and one append for each finished step, the approval being one.
        assert len(await lane.records("o-1")) == 5
        await lane.check_history("o-1")

        async def deadline_taken_back() -> bool:
            (timer,) = await all_of(lane.client, records.STREAM, f"{records.TIMER}.o-1.*")
            return "Nats-Schedule" not in timer.headers

        await eventually(deadline_taken_back)


async def test_rejected_is_undone(nats_url: RealNats) -> None:
    async with running_lane(nats_url) as lane:
        await lane.worker()
        await lane.lane.place(order("o-1", LARGE))
        waiting = await pending(lane, "o-1")
        assert await lane.lane.decide(waiting.token, approve=False, comment="too dear") is Decided.ACCEPTED
        view = await lane.until("o-1")
        assert (view.status, view.reason) == (OrderStatus.ROLLED_BACK, "ApprovalRejected: too dear")
        assert lane.stubs.paths_of("o-1") == ["/charges", "/reservations", "/releases", "/refunds"]


async def test_forged_tokens_are_unknown_and_the_trail_keeps_the_real_one(nats_url: RealNats) -> None:
    async with running_lane(nats_url) as lane:
        await lane.worker()
        await lane.lane.place(order("o-1", LARGE))
        waiting = await pending(lane, "o-1")
        execution, entry, attempt, mac = waiting.token.split(".")
        forged = (
            "",
            "x",
            f"{execution}.{entry}.{attempt}.{'0' * 32}",
            f"o-2.{entry}.{attempt}.{mac}",
            f"{execution}.{int(entry) + 1}.{attempt}.{mac}",
            token_maker("another secret")(execution, int(entry), 1),
            token_maker(SECRET)("o-2", int(entry), 1),  # genuine, of an execution that never was
        )
        for token in forged:
            assert await lane.lane.decide(token, approve=True, comment="") is Decided.UNKNOWN
        assert await lane.lane.decide(token_maker(SECRET)("o-1", 2, 1), approve=True, comment="") is Decided.TOO_LATE
        trail = await lane.lane.trail("o-1")
        assert trail is not None
        assert trail.status is OrderStatus.WAITING_FOR_APPROVAL
        assert waiting.token not in trail.model_dump_json()


@pytest.mark.parametrize("survives", ["nothing restarts", "broker and conductors restart"])
async def test_an_approval_that_never_comes_times_out_by_a_scheduled_message(nats_url: RealNats, survives: str) -> None:
    async with running_lane(nats_url, machine(approval_timeout_s=3.0)) as lane:
        worker = await lane.worker(sit_out_s=0.5)
        await lane.lane.place(order("o-1", LARGE))
        waiting = await pending(lane, "o-1")
        if survives != "nothing restarts":
            await worker.stop()
            await nats_url.restart()
            await lane.worker("after", sit_out_s=0.5)
        view = await lane.until("o-1", within_s=30)
        assert view.status is OrderStatus.ROLLED_BACK
        assert (view.reason or "").startswith("States.Timeout")
        assert view.finished_at is not None
        assert epoch_s(view.finished_at) - epoch_s(view.accepted_at) >= 3.0
        assert await lane.lane.decide(waiting.token, approve=True, comment="") is Decided.TOO_LATE
        assert lane.stubs.paths_of("o-1") == ["/charges", "/reservations", "/releases", "/refunds"]
        subjects = [record.subject for record in await lane.records("o-1")]
        assert subjects.count(records.log_subject("o-1")) == len(subjects) - 1
        await lane.check_history("o-1")
