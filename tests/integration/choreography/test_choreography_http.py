"""What this lane adds to the common HTTP shells: dead letters on the door."""

from pathlib import Path

import httpx

from broker.publish import Message, publish
from choreography.events import OrderPlaced
from choreography.processes import door_app
from services.trail import OrderStatus
from tests.conftest import RealNats
from tests.integration.choreography.running_lane import an_order, running_lane, until


async def test_dead_letters_are_listed_shown_and_replayed(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path) as lane:
        app, following = door_app(lane.settings("door"), lane.door_client)
        for work in following:
            work.close()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
            assert (await http.get("/dead-letters")).json() == []
            await publish(lane.admin, Message("orders.o-1.OrderPlaced", b"not even JSON"))
            await until(lane.letters)
            (letter,) = (await http.get("/dead-letters")).json()
            assert letter["body"] == "not even JSON"
            number = letter["seq"]
            assert (await http.get(f"/dead-letters/{number}")).json() == letter
            assert (await http.get("/dead-letters/99")).status_code == 404
            assert (await http.get("/dead-letters/0")).status_code == 422
            assert (await http.post("/dead-letters/99/replay")).status_code == 404
            assert (await http.post(f"/dead-letters/{number}/replay")).status_code == 409
            assert (await http.post(f"/dead-letters/{number}/replay", content=b"{")).status_code == 422
            data = OrderPlaced(order=an_order()).model_dump(mode="json")
            assert (await http.post(f"/dead-letters/{number}/replay", json={"data": data})).status_code == 200
            assert await lane.ends() is OrderStatus.FULFILLED
            assert (await http.get(f"/dead-letters/{number}")).json()["state"] == "replayed"


async def test_dead_letters_are_not_for_everyone(nats_url: RealNats, tmp_path: Path) -> None:
    async with running_lane(nats_url, tmp_path, admin_token="letmein") as lane:
        app, following = door_app(lane.settings("door"), lane.door_client)
        for work in following:
            work.close()
        stranger = httpx.ASGITransport(app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=stranger, base_url="http://localhost") as http:
            for method, path in (("GET", ""), ("GET", "/1"), ("POST", "/1/replay")):
                assert (await http.request(method, f"/dead-letters{path}")).status_code == 403
            allowed = {"Authorization": "Bearer letmein"}
            assert (await http.get("/dead-letters", headers=allowed)).status_code == 200
