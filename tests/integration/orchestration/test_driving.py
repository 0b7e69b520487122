"""One conductor drives orders over a real broker and stub services: what it calls, what it stores, what can be told."""

from aiohttp import web

from orchestration import records
from orchestration.asl.interpreter import Machine, load_machine
from services.front_door import Placed
from services.trail import OrderStatus
from tests.conftest import RealNats
from tests.integration.orchestration.lane import order, refused, running_lane, unavailable

HAPPY = ["/charges", "/reservations", "/labels"]

MINI = {
    "StartAt": "Charge",
    "States": {
        "Charge": {"Type": "Task", "Resource": "http://payment/charges", "ResultPath": None, "Next": "Reserve"},
        "Reserve": {"Type": "Task", "Resource": "http://warehouse/reservations", "ResultPath": None, "Next": "Print"},
        "Print": {"Type": "Task", "Resource": "http://shipping/labels", "ResultPath": None, "End": True},
    },
}


async def test_happy_path_stores_a_start_and_one_append_for_each_step(nats_url: RealNats) -> None:
    async with running_lane(nats_url, load_machine(MINI)) as lane:
        await lane.worker()
        assert await lane.lane.place(order("o-1")) is Placed.ACCEPTED
        view = await lane.until("o-1")
        assert view.status is OrderStatus.FULFILLED
        assert lane.stubs.paths_of("o-1") == HAPPY
        found = await lane.records("o-1")
        assert [record.subject for record in found] == ["exec.start.o-1", *["exec.log.o-1"] * 3]
        assert await lane.lane.place(order("o-1")) is Placed.REPEATED
        assert await lane.lane.place(order("o-1", 999)) is Placed.CONFLICT
        await lane.check_history("o-1")
