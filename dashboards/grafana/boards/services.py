"""The same three services in both lanes, and the faults that they were given. Fault times are shaded on every board."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Query, Row
from dashboards.grafana.queries import each, each_second, legend_of, quantile, rated

CHOICES: Final = (
    ("lane", ("choreography", "orchestration")),
    ("service", ("payment", "warehouse", "shipping")),
)
CHOSEN: Final = '{lane=~"$lane", service=~"$service"}'
PROCESSES: Final = '{job="lanes", lane=~"$lane"}'


def _by_operation(counter: str) -> tuple[Query, ...]:
    """An operation is one service's, so the legend need not name that."""
    return (Query(rated(f"{counter}{CHOSEN}", "lane", "service", "operation"), legend_of("lane", "operation")),)


WORK: Final = Row(
    "Work",
    (
        Figure(
            "Effects",
            "Written to the ledgers each second.",
            "ops",
            _by_operation("lab_effects_total"),
            warn=200,
            bad=1000,
            width=12,
        ),
        Figure(
            "A command's time, p99",
            "From a command's arrival at its service to its answer, over a minute; injected delays are in it.",
            "s",
            (
                Query(
                    quantile(0.99, f"lab_step_seconds_bucket{CHOSEN}", "lane", "service"), legend_of("lane", "service")
                ),
            ),
            warn=0.5,
            bad=2.5,
            width=12,
        ),
    ),
)
FAULTS: Final = Row(
    "Faults",
    (
        Figure(
            "Faults acted out",
            "Each second: the ground truth that the dice recorded.",
            "ops",
            each_second(f"lab_faults_injected_total{CHOSEN}", "lane", "service", "kind"),
            warn=1,
            bad=50,
            width=12,
        ),
        Figure(
            "Fault rules in force",
            "How many rules of each service's fault plan are in force now.",
            "short",
            each(f"lab_fault_rules{CHOSEN}", "lane", "service"),
            warn=1,
            bad=5,
            width=12,
            decimals=0,
        ),
        Figure(
            "Retries",
            "Tries after the first, each second.",
            "ops",
            _by_operation("lab_retries_total"),
            warn=20,
            bad=100,
            width=12,
        ),
        Figure(
            "Compensations",
            "Undo effects each second, by service.",
            "ops",
            each_second(f"lab_compensations_total{CHOSEN}", "lane", "service"),
            warn=20,
            bad=100,
            width=12,
        ),
    ),
)
MACHINERY: Final = Row(
    "Machinery",
    (
        Figure(
            "Processes that answer",
            "By lane and component, 1 for each replica.",
            "short",
            each(f"up{PROCESSES}", "lane", "component"),
            warn=1,
            bad=0.5,
            below=True,
            width=12,
            decimals=0,
        ),
        Figure(
            "Age of each process",
            "Seconds since its start: a fall to zero is a restart.",
            "s",
            (
                Query(
                    'time() - max by (lane, component) (process_start_time_seconds{job="lanes", lane=~"$lane"})',
                    "{{lane}} {{component}}",
                ),
            ),
            warn=30,
            bad=5,
            below=True,
            width=12,
        ),
        Figure(
            "Alerts firing",
            "How many of the alert rules fire now; Prometheus lists them under Alerts.",
            "short",
            (Query('count(ALERTS{alertstate="firing"}) or vector(0)', "firing"),),
            warn=1,
            bad=3,
            shape="number",
            width=24,
            height=5,
            decimals=0,
        ),
    ),
)
SERVICES: Final = Board(
    "saga-services",
    "Services and faults",
    "The same services in both lanes, the faults they were given, and what became of the processes.",
    (WORK, FAULTS, MACHINERY),
    CHOICES,
)
