"""An open loop for Locust: every order of a plan leaves at its planned moment, however slow the answers to others are.

    locust -f loadtests/on_time.py --host http://127.0.0.1:7402 --plan workload.jsonl --headless -u 1 -r 1

``ORDER`` events run from the planned moment to the acknowledgement; outcomes are events too (``outcome_feed``). One
user in each process sends: every order is a greenlet of its own. Of N workers (``--master --expect-workers N -u N`` and
``--worker`` N times, each with the same ``--plan``) each sends every N-th order. The plan begins when all users are
there, or, with ``--go FILE``, at the moment (epoch seconds) that the file will hold. An order whose answer was lost or
503 is sent again with the same body.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TextIO

import gevent
from gevent.event import Event
from gevent.pool import Group
from locust import events, task
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner
from locust.stats import CSV_STATS_INTERVAL_SEC

from loadtests.locust_metrics import expose
from loadtests.open_loop import FIRST_PAUSE_S, LATE_AFTER_S, MAX_PAUSE_S, Placement, Placing, placing_of
from loadtests.outcome_feed import OutcomeFeed, fire
from loadtests.workload import PlannedOrder, UnreadablePlan, read_plan

LEAD_S: Final = 1.0
ASK_FOR_GO_EVERY_S: Final = 0.02
OUTCOMES_WITHIN_S: Final = 60.0
REQUEST_TYPE: Final = "ORDER"
DONE: Final = "plan_done"  # from a worker to the master

_everybody_is_there = Event()


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # locust ships no types for it
def _options(parser: Any) -> None:
    parser.add_argument("--plan", default="", help="The workload, one order a line.")
    parser.add_argument("--go", default="", help="A file that will hold the first planned moment, in epoch seconds.")
    parser.add_argument("--placements", default="", help="Where to write what became of each sending.")
    parser.add_argument("--patience", type=float, default=30.0, help="Seconds until an order is given up.")


@events.init.add_listener  # type: ignore[untyped-decorator]  # locust ships no types for it
def _begin(environment: Environment, **_: Any) -> None:
    """Ends the process where there is no plan to be sent: a user that fails to start would only be logged."""
    options = environment.parsed_options
    try:
        read_plan(Path(options.plan if options is not None else ""))
    except UnreadablePlan as error:
        raise SystemExit(f"--plan: {error}") from None
    if isinstance(environment.runner, MasterRunner) and options is not None:
        if options.headless and (options.num_users or 1) < options.expect_workers:
            raise SystemExit("-u: every worker needs a user, or its share of the plan is never sent")
        environment.runner.register_message(DONE, _quit_when_all_have(options.expect_workers), concurrent=True)
    expose(environment)


@events.test_start.add_listener  # type: ignore[untyped-decorator]  # locust ships no types for it
def _new_test(**_: Any) -> None:
    _everybody_is_there.clear()
    OnTime.sending = False


@events.spawning_complete.add_listener  # type: ignore[untyped-decorator]  # locust ships no types for it
def _all_spawned(**_: Any) -> None:
    _everybody_is_there.set()


def _quit_when_all_have(workers: int) -> Any:
    """The master's ear for workers that are done."""
    done: set[str] = set()

    def hear(environment: Environment, msg: Any, **_: Any) -> None:
        done.add(msg.node_id)
        options = environment.parsed_options
        if len(done) == workers and options is not None and options.headless and environment.runner is not None:
            environment.runner.stop()  # has every worker report what it has counted
            gevent.sleep(2 * CSV_STATS_INTERVAL_SEC)  # and the report written
            environment.runner.quit()

    return hear


class OnTime(FastHttpUser):
    """Sends its process's share of the plan once, waits for the outcomes, and stops; a second user does nothing."""

    concurrency = 500
    network_timeout = 5.0
    connection_timeout = 5.0
    sending = False

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if environment.parsed_options is None:
            raise ValueError("it needs the options of a locust command line")
        self._options = environment.parsed_options
        self._orders: Sequence[PlannedOrder] = ()
        if not OnTime.sending:
            OnTime.sending = True
            self._orders = _share_of(environment, read_plan(Path(self._options.plan)))
            self._feed = OutcomeFeed(environment, self.host or "")

    @task
    def send_all(self) -> None:
        if not self._orders:
            raise StopUser
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
        runner = self.environment.runner
        if isinstance(runner, WorkerRunner):
            runner.send_message(DONE)
        elif runner is not None and not self._options.go and self._options.headless:
            runner.quit()
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


def _share_of(environment: Environment, orders: list[PlannedOrder]) -> list[PlannedOrder]:
    """Every N-th order for each of N workers; all of them where there are none."""
    runner, options = environment.runner, environment.parsed_options
    if not isinstance(runner, WorkerRunner) or options is None:
        return orders
    workers = max(1, options.expect_workers)
    return orders[runner.worker_index :: workers] if runner.worker_index < workers else []


def _go(path: str) -> float:
    """The first planned moment."""
    if not path:
        _everybody_is_there.wait()
        return time.time() + LEAD_S
    while not Path(path).exists():
        gevent.sleep(ASK_FOR_GO_EVERY_S)
    return float(Path(path).read_text(encoding="ascii"))


def _written(path: str) -> TextIO:
    return Path(path or "/dev/null").open("a", encoding="utf-8")
