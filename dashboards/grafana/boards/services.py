"""The same three services in both lanes, and the faults that they were given. Fault times are shaded on every board."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Query, Row

CHOICES: Final = (
    ("lane", ("choreography", "orchestration")),
    ("service", ("payment", "warehouse", "shipping")),
)
CHOSEN: Final = 'lane=~"$lane", service=~"$service"'


def _per_second(metric: str, label: str) -> str:
    return f"sum by (lane, service, {label}) (rate({metric}{{{CHOSEN}}}[$__rate_interval]))"


WORK: Final = Row(
    "Work",
    (
        Figure(
            "Effects",
            "Written to the ledgers each second.",
            "ops",
            (Query(_per_second("lab_effects_total", "operation"), "{{lane}} {{operation}}"),),
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
                    "histogram_quantile(0.99, sum by (lane, service, le)"
                    f" (rate(lab_step_seconds_bucket{{{CHOSEN}}}[$__rate_interval])))",
                    "{{lane}} {{service}}",
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
            (Query(_per_second("lab_faults_injected_total", "kind"), "{{lane}} {{service}} {{kind}}"),),
            warn=1,
            bad=50,
            width=12,
        ),
        Figure(
            "Fault rules in force",
            "How many rules of each service's fault plan are in force now.",
            "short",
            (Query(f"sum by (lane, service) (lab_fault_rules{{{CHOSEN}}})", "{{lane}} {{service}}"),),
            warn=1,
            bad=5,
            width=12,
            decimals=0,
        ),
        Figure(
            "Retries",
            "Tries after the first, each second.",
            "ops",
            (Query(_per_second("lab_retries_total", "operation"), "{{lane}} {{operation}}"),),
            warn=20,
            bad=100,
            width=12,
        ),
        Figure(
            "Compensations",
            "Undo effects each second, by service.",
            "ops",
            (
                Query(
                    f"sum by (lane, service) (rate(lab_compensations_total{{{CHOSEN}}}[$__rate_interval]))",
                    "{{lane}} {{service}}",
                ),
            ),
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
            (Query('sum by (lane, component) (up{job="lanes", lane=~"$lane"})', "{{lane}} {{component}}"),),
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
