"""An open loop for Locust: every order of a plan leaves at its planned moment, however slow the answers to others are.

    locust -f loadtests/on_time.py --host http://127.0.0.1:7402 --plan workload.jsonl --headless -u 1 -r 1

``latency`` events run from the planned moment to the acknowledgement; outcomes are events too (``outcome_feed``). With
``-u N``, or N workers, each takes every N-th order. The plan begins when the users do, or, with ``--go FILE``, at the
moment (epoch seconds) that the file will hold. An order whose answer was lost or 503 is sent again with the same body.
"""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TextIO

import gevent
from gevent.pool import Group
from locust import events, task
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment
from locust.exception import StopUser

from loadtests.locust_metrics import expose
from loadtests.open_loop import FIRST_PAUSE_S, LATE_AFTER_S, MAX_PAUSE_S, Placement, Placing, placing_of
from loadtests.outcome_feed import OutcomeFeed, fire
from loadtests.workload import PlannedOrder, UnreadablePlan, read_plan

LEAD_S: Final = 1.0
ASK_FOR_GO_EVERY_S: Final = 0.02
OUTCOMES_WITHIN_S: Final = 60.0
REQUEST_TYPE: Final = "ORDER"


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # locust ships no types for it
def _options(parser: Any) -> None:
    parser.add_argument("--plan", default="", help="The workload, one order a line.")
    parser.add_argument("--go", default="", help="A file that will hold the first planned moment, in epoch seconds.")
    parser.add_argument("--placements", default="", help="Where to write what became of each sending.")
    parser.add_argument("--patience", type=float, default=30.0, help="Seconds until an order is given up.")


@events.init.add_listener  # type: ignore[untyped-decorator]  # locust ships no types for it
def _begin(environment: Environment, **_: Any) -> None:
    """Ends the process where there is no plan to be sent: a user that fails to start would only be logged."""
    path = environment.parsed_options.plan if environment.parsed_options is not None else ""
    try:
        read_plan(Path(path))
    except UnreadablePlan as error:
        raise SystemExit(f"--plan: {error}") from None
    expose(environment)


class OnTime(FastHttpUser):
    """Sends its share of the plan once, waits for the outcomes, and stops."""

    concurrency = 500
    network_timeout = 5.0
    connection_timeout = 5.0
    users_so_far = 0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if environment.parsed_options is None:
            raise ValueError("it needs the options of a locust command line")
        self._options = environment.parsed_options
        slots = max(1, self._options.num_users or 1)
        worker = max(0, getattr(environment.runner, "worker_index", 0))
        slot = (worker + OnTime.users_so_far) % slots
        OnTime.users_so_far += 1
        self._orders = read_plan(Path(self._options.plan))[slot::slots]
        self._feed = OutcomeFeed(environment, self.host or "")

    @task
    def send_all(self) -> None:
        starts_at = _go(self._options.go)
        began, cpu = time.time(), time.process_time()
        with _written(self._options.placements) as file:
            sending = Group()
            for order in self._orders:
                gevent.sleep(max(0.0, starts_at + order.at_s - time.time()))
                sending.spawn(self._place, order, starts_at + order.at_s, file)
            spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.time() - began}
            sending.join()
            file.write(json.dumps(spent) + "\n")
        deadline = time.time() + OUTCOMES_WITHIN_S
        while self._feed.open and time.time() < deadline:
            gevent.sleep(0.1)
        if self.environment.runner is not None and not self._options.go and self._options.headless:
            self.environment.runner.quit()
        raise StopUser

    def _place(self, order: PlannedOrder, planned_at: float, file: TextIO) -> None:
        placement = self._sent(order, planned_at)
        if placement.placing is Placing.ACCEPTED:
            self._feed.expect(order.order_id, planned_at)
        late = RuntimeError(f"left {placement.late_s:.3f} s late") if placement.late_s > LATE_AFTER_S else None
        fire(self.environment, REQUEST_TYPE, f"due to {placement.placing}", placement.answered_at - planned_at, late)
        file.write(json.dumps(asdict(placement)) + "\n")
        file.flush()

    def _sent(self, order: PlannedOrder, planned_at: float) -> Placement:
        """Until it is acknowledged, refused, or the patience ends."""
        sent_at = time.time()
        give_up_at = sent_at + self._options.patience
        pause_s, tries = FIRST_PAUSE_S, 0
        while True:
            tries += 1
            with self.client.post("/orders", json=order.body, name="/orders", catch_response=True) as answer:
                status = answer.status_code or None
                if status == 202:
                    answer.success()
            now, placing = time.time(), placing_of(status)
            if placing is not Placing.UNANSWERED or now + pause_s >= give_up_at:
                return Placement(order.order_id, placing, planned_at, sent_at, now, tries, status)
            gevent.sleep(pause_s)
            pause_s = min(MAX_PAUSE_S, pause_s * 2)


def _go(path: str) -> float:
    """The first planned moment."""
    if not path:
        return time.time() + LEAD_S
    while not Path(path).exists():
        gevent.sleep(ASK_FOR_GO_EVERY_S)
    return float(Path(path).read_text(encoding="ascii"))


def _written(path: str) -> TextIO:
    return Path(path or "/dev/null").open("a", encoding="utf-8")
