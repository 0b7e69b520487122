"""A door whose broker refuses to store, and one without its secret."""

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from broker.errors import NotStored, Rejected
from broker.publish import Message, publish
from orchestration.orders.door import OrchestrationLane
from orchestration.process import main
from orchestration.runtime import records
from orchestration.runtime.tokens import token_maker
from services.front_door import NotDurable
from services.order import Line, Order

SECRET = "test-secret"
REFUSED = 10054
FULL = (10002, 10023, 10028, 10047)  # the limits of the account, resources, memory, storage
APPROVAL = records.Waiting(7, "approval:ask.waitForTaskToken")
ORDER = Order(
    order_id="o-1",
    customer_id="c",
    lines=(Line(sku="SKU-1", quantity=1, unit_price_cents=5),),
    total_cents=5,
    currency="EUR",
    ship_to="Here 1",
)


@dataclass
class Answer:
    data: bytes
    headers: dict[str, str] = field(default_factory=dict)


class RefusingBroker:
    """Reads are answered, nothing is stored."""

    def __init__(self, code: int) -> None:
        self._code = code

    async def request(self, subject: str, body: bytes, **_: Any) -> Answer:
        if not subject.startswith("$JS.API.DIRECT.GET."):
            error = {"code": 500, "err_code": self._code, "description": "no"}
            return Answer(orjson.dumps({"error": error}))
        wanted = orjson.loads(body)["last_by_subj"]
        if wanted != records.log_subject("o-1"):
            return Answer(b"", {"Status": "404"})
        append = records.Append(
            machine="m", began_at="", status="RUNNING", waiting=(APPROVAL,), events=[], checkpoint={}
        )
        headers = {"Nats-Stream": records.STREAM, "Nats-Subject": wanted, "Nats-Sequence": "2", "Nats-Time-Stamp": ""}
        return Answer(append.encode(), headers)


@pytest.mark.parametrize("code", [REFUSED, *FULL])
async def test_what_the_broker_refuses_is_not_durable(code: int) -> None:
    client: Any = RefusingBroker(code)
    orders: Any = None
    lane = OrchestrationLane(client, "orchestration", SECRET, orders)
    with pytest.raises(NotDurable):
        await lane.place(ORDER)
    with pytest.raises(NotDurable):
        await lane.decide(token_maker(SECRET)("o-1", 7, 1), approve=True, comment="")


@pytest.mark.parametrize("code", [REFUSED, *FULL])
async def test_a_full_broker_is_asked_again_and_a_refusal_is_final(code: int) -> None:
    client: Any = RefusingBroker(code)
    with pytest.raises(NotStored if code in FULL else Rejected):
        await publish(client, Message("s", b""))


@pytest.mark.parametrize("component", ["door", "conductor-1"])
def test_no_process_starts_without_the_secret_of_its_tokens(component: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_COMPONENT", component)
    monkeypatch.setenv("LAB_APPROVAL_SECRET", "")
    with pytest.raises(SystemExit, match="LAB_APPROVAL_SECRET"):
        main()
