"""What the door counts as its read model changes."""

from nats.aio.client import Client
from sqlalchemy import func, select

from orchestration.names import OWN_MACHINE
from orchestration.orders.read_model import READERS
from orchestration.visibility.database import Database
from orchestration.visibility.folding import NEW, Changes
from orchestration.visibility.read_model import ReadModel, open_read_model
from orchestration.visibility.schema import executions
from services import metrics
from services.settings import Settings


def open_orders(settings: Settings, client: Client) -> ReadModel:
    """The read model of a process: all executions, with what is counted of the orders."""
    return open_read_model(
        client,
        settings.read_model_url,
        component=settings.component,
        readers=READERS,
        observer=lambda database: OrderCounter(settings.lane, database).changed,
    )


class OrderCounter:
    """Orders in flight are counted anew where changes do not tell how many there are now."""

    def __init__(self, lane: str, database: Database) -> None:
        self._lane = lane
        self._database = database
        self._in_flight = 0
        metrics.expect_orders(lane)

    def changed(self, changes: Changes | None) -> None:
        """``changes`` are live ones; None: the rows came up to date without them."""
        if changes is None:
            self._in_flight = self._counted()
        else:
            self._live(changes)
        metrics.orders_in_flight.labels(self._lane).set(self._in_flight)

    def _live(self, changes: Changes) -> None:
        ended = [each for each in changes.ended if each.machine == OWN_MACHINE]
        started = sum(1 for row in changes.started if row["machine"] == OWN_MACHINE)
        redriven = any(values[f"{NEW}redrive_count"] for values in changes.changed)
        self._in_flight = self._counted() if redriven else self._in_flight + started - len(ended)
        for each in ended:
            metrics.orders_finished.labels(self._lane, each.phase).inc()
            metrics.order_seconds.labels(self._lane, each.phase).observe(each.seconds)

    def _counted(self) -> int:
        open_ones = select(func.count()).where(executions.c.stopped_at.is_(None), executions.c.machine == OWN_MACHINE)
        with self._database.reading() as connection:
            return int(connection.execute(open_ones).scalar_one())
