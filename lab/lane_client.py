"""One lane as a client over HTTP sees it: its front door and its services. Blocking, for commands."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from lab.control.client import RunningLab
from lab.errors import BadInput, OutOfReach, Refused
from lab.http_json import Answer, ask
from services.order import Order
from services.trail import OrderTrail, OrderView, PendingApproval


@dataclass(frozen=True)
class LaneClient:
    """Methods raise ``OutOfReach`` (no answer, or 5xx: try again), ``Refused`` (4xx) or ``BadInput`` (unknown id)."""

    lane: str
    lab: RunningLab
    token: str

    def place(self, order: Order) -> None:
        self._door("POST", "/orders", order.model_dump(mode="json"))

    def view(self, order_id: str) -> OrderView:
        return OrderView.model_validate(self._door("GET", f"/orders/{quote(order_id, safe='')}"))

    def trail(self, order_id: str) -> OrderTrail:
        return OrderTrail.model_validate(self._door("GET", f"/orders/{quote(order_id, safe='')}/trail"))

    def execution(self, order_id: str) -> dict[str, Any] | None:
        """What each state entry did, where a lane has a conductor; None where it has not, or knows no such order."""
        try:
            return dict(self._door("GET", f"/executions/{quote(order_id, safe='')}"))
        except BadInput:
            return None

    def orders(self, status: str | None, limit: int, skip: int = 0) -> list[OrderView]:
        """Newest first, without the ``skip`` newest."""
        query = {"limit": limit, "skip": skip} | ({"status": status} if status else {})
        return [OrderView.model_validate(each) for each in self._door("GET", f"/orders?{urlencode(query)}")]

    def approvals(self) -> list[PendingApproval]:
        return [PendingApproval.model_validate(each) for each in self._door("GET", "/approvals")]

    def decide(self, token: str, decision: str, comment: str) -> Answer:
        """The plain answer: 404 only means that the token may be the other lane's."""
        body = {"decision": decision, "comment": comment}
        return self.ask("POST", "door", f"/approvals/{quote(token, safe='')}", body)

    def catalogue(self) -> list[dict[str, Any]]:
        return list(checked(self.lane, self.ask("GET", "warehouse", "/catalogue")))

    def faults(self, service: str) -> dict[str, Any]:
        return dict(checked(self.lane, self.ask("GET", service, "/faults")))

    def put_faults(self, service: str, plan: dict[str, Any]) -> None:
        checked(self.lane, self.ask("PUT", service, "/faults", plan))

    def _door(self, method: str, path: str, body: object | None = None) -> Any:
        return checked(self.lane, self.ask(method, "door", path, body))

    def ask(self, method: str, component: str, path: str, body: object | None = None) -> Answer:
        """Any request to one of the lane's processes; its plain answer."""
        return ask(method, self.lab.url(self.lane, component) + path, body, token=self.token)


def lane_clients(lab: RunningLab, lane: str | None) -> list[LaneClient]:
    """Clients of one lane, or of every lane that is up. Raises ``BadInput`` for one that is not."""
    if lane is not None and lane not in lab.lanes:
        raise BadInput(f"lane {lane!r} is not up; up: {', '.join(lab.lanes)}")
    token = lab.credentials().admin_token
    return [LaneClient(name, lab, token) for name in ([lane] if lane else lab.lanes)]


def checked(lane: str, answer: Answer) -> Any:
    """The body of a good answer; the right error for any other."""
    if answer.status < 300:
        return answer.body
    text = f"{lane}: {answer.problem()}"
    if answer.status >= 500:
        raise OutOfReach(text)
    if answer.status == 404:
        raise BadInput(text)
    raise Refused(text)
