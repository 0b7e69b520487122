"""The dashboards, each a page of data. The order is that of a visit: the verdict first, then what it is made of."""

from typing import Final

from dashboards.grafana.board import Board
from dashboards.grafana.boards.choreography import CHOREOGRAPHY
from dashboards.grafana.boards.load import LOAD
from dashboards.grafana.boards.nats import NATS
from dashboards.grafana.boards.orchestration import ORCHESTRATION
from dashboards.grafana.boards.services import SERVICES
from dashboards.grafana.boards.verdict import VERDICT

BOARDS: Final[tuple[Board, ...]] = (VERDICT, CHOREOGRAPHY, ORCHESTRATION, SERVICES, NATS, LOAD)
