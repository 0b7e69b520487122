"""A closed loop for locust: each user places an order, waits for its outcome, and only then places the next.

    locust -f loadtests/locustfile.py --host http://127.0.0.1:7402 --catalogue http://127.0.0.1:7404/catalogue

Without ``--catalogue`` it orders products that no warehouse has, and every order is rolled back.
Outcomes come from the front door's feed of all orders and are events of their own: OUTCOME ``fulfilled`` or
``rolled_back``, from the first sending to the lane's durable end. It works with Locust's web UI, with ``--headless``,
and distributed (``--master``, ``--worker``).

Honest about what it is: users that wait for a slow lane send less to it, so its latencies look better than those of a
load that arrives on schedule. Use ``on_time.py`` for latency; use this to find the rate at saturation, or to watch a
lane by hand.
"""

import random
import time
import uuid
from typing import Any

import gevent
from locust import HttpUser, between, events, task
from locust.env import Environment

from loadtests.catalogue import Product, products_of
from loadtests.locust_metrics import expose
from loadtests.outcome_feed import REQUEST_TYPE, OutcomeFeed, fire
from loadtests.workload import Shape, plan_count

OUTCOME_TIMEOUT_S = 60.0
FALLBACK = tuple(Product(f"SKU-{number:04d}", 500 + 10 * number, 1 / number) for number in range(1, 201))


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # locust ships no types for it
def _options(parser: Any) -> None:
    parser.add_argument("--catalogue", default="", help="URL of the warehouse's /catalogue")


@events.init.add_listener  # type: ignore[untyped-decorator]  # locust ships no types for it
def _metrics(environment: Environment, **_: Any) -> None:
    expose(environment)


class Customer(HttpUser):
    """Orders without approval, so that no manager is needed."""

    wait_time = between(0.0, 0.1)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)  # type: ignore[no-untyped-call]  # untyped in locust
        seed = uuid.uuid4().int % 2**31
        shape = Shape(large_share=0.0)
        self.orders = plan_count(seed, 2**31, shape, self._products(), prefix=f"l{random.randrange(10**6)}-")

    def _products(self) -> tuple[Product, ...]:
        options = self.environment.parsed_options
        url = getattr(options, "catalogue", "") if options is not None else ""
        if not url:
            return FALLBACK
        return products_of(self.client.get(url, name="/catalogue").json())

    @task
    def order_and_wait(self) -> None:
        order = next(self.orders)
        began = time.time()
        with self.client.post("/orders", json=order.body, name="/orders", catch_response=True) as answer:
            if answer.status_code != 202:
                answer.failure(f"answered {answer.status_code}")
                return
        outcome = _feed(self.environment, self.host or "").expect(order.order_id, began)
        try:
            outcome.get(timeout=OUTCOME_TIMEOUT_S)
        except gevent.Timeout:
            none = TimeoutError(f"{order.order_id} has no outcome after {OUTCOME_TIMEOUT_S:g} s")
            fire(self.environment, REQUEST_TYPE, "none in time", OUTCOME_TIMEOUT_S, none)


_feeds: dict[str, OutcomeFeed] = {}


def _feed(environment: Environment, front_door_url: str) -> OutcomeFeed:
    """One for all users of this process."""
    if front_door_url not in _feeds:
        _feeds[front_door_url] = OutcomeFeed(environment, front_door_url)
    return _feeds[front_door_url]
