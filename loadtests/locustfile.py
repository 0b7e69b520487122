"""A closed loop for locust: each user places an order, waits for its outcome, and only then places the next.

    locust -f loadtests/locustfile.py --host http://127.0.0.1:7402 --catalogue http://127.0.0.1:7404/catalogue

Without ``--catalogue`` it orders products that no warehouse has, and every order is rolled back.
Honest about what it is: users that wait for a slow lane send less to it, so its latencies look better than those of a
load that arrives on schedule. Use ``loadtests.open_loop`` for latency; use this to find the rate at saturation, or to
watch a lane by hand. ``order to outcome`` counts from the first sending until the front door reports the end.
"""

import random
import time
import uuid
from typing import Any

from locust import HttpUser, between, events, task
from locust.env import Environment

from loadtests.catalogue import Product, products_of
from loadtests.workload import Shape, plan_count

OUTCOME_TIMEOUT_S = 60.0
ASK_EVERY_S = 0.2
ENDED = ("fulfilled", "rolled_back", "failed")
FALLBACK = tuple(Product(f"SKU-{number:04d}", 500 + 10 * number, 1 / number) for number in range(1, 201))


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # locust ships no types for it
def _options(parser: Any) -> None:
    parser.add_argument("--catalogue", default="", help="URL of the warehouse's /catalogue")


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
        started = time.perf_counter()
        with self.client.post("/orders", json=order.body, name="/orders", catch_response=True) as answer:
            if answer.status_code != 202:
                answer.failure(f"answered {answer.status_code}")
                return
        error = self._outcome(order.order_id, started + OUTCOME_TIMEOUT_S)
        self.environment.events.request.fire(
            request_type="SAGA",
            name="order to outcome",
            response_time=(time.perf_counter() - started) * 1000,
            response_length=0,
            exception=error,
            context={},
        )

    def _outcome(self, order_id: str, deadline: float) -> Exception | None:
        while time.perf_counter() < deadline:
            answer = self.client.get(f"/orders/{order_id}", name="/orders/{id}")
            if answer.status_code == 200 and answer.json()["status"] in ENDED:
                return None
            time.sleep(ASK_EVERY_S)
        return TimeoutError(f"{order_id} has no outcome after {OUTCOME_TIMEOUT_S:g} s")
