"""What arrives: at the doors, and from the load generator where one runs and says what it sent."""

from typing import Final

from dashboards.grafana.board import Board, Figure, Query, Row, by_lane
from dashboards.grafana.queries import each_second, quantile, rated

DOORS: Final = Row(
    "At the front doors",
    (
        Figure(
            "Accepted",
            "Orders answered with 202 each second.",
            "reqps",
            each_second("lab_orders_accepted_total", "lane"),
            warn=200,
            bad=1000,
        ),
        Figure(
            "Turned away",
            "Placings answered otherwise, by HTTP status: 503 is the lane's doing, 4xx the caller's.",
            "reqps",
            (Query(rated("lab_placings_refused_total", "lane", "code"), "{{lane}} HTTP {{code}}"),),
            warn=0.1,
            bad=1,
        ),
        Figure(
            "Time to 202, p99",
            "From an order's arrival at the door until it is durable and answered, over a minute.",
            "s",
            by_lane(quantile(0.99, "lab_placing_seconds_bucket", "lane")),
            warn=0.25,
            bad=1,
        ),
        Figure(
            "Accepted less finished",
            "How fast work piles up. For long above zero: more arrives than the lane can do.",
            "ops",
            by_lane("lane:lab_orders_accepted:rate1m - lane:lab_orders_finished:rate1m"),
            warn=5,
            bad=50,
            width=12,
        ),
        Figure(
            "Orders in flight",
            "Accepted and without an outcome.",
            "short",
            by_lane("lane:lab_orders_in_flight:max"),
            warn=500,
            bad=2000,
            width=12,
        ),
    ),
)
GENERATOR: Final = Row(
    "The load generator",
    (
        Figure(
            "Users",
            "Simulated users of the generator now; 0 while none runs.",
            "short",
            (Query("sum(load_users) or vector(0)", "users"),),
            warn=1000,
            bad=10_000,
            shape="number",
            width=6,
        ),
        Figure(
            "Sent",
            "Requests each second as the generator counts them, by name.",
            "reqps",
            (
                Query(f"{rated('load_requests_total', 'name')} or vector(0)", "{{name}}"),
                Query(f"{rated('load_failures_total', 'name')} or vector(0)", "{{name}} failed"),
            ),
            warn=200,
            bad=1000,
            width=9,
        ),
        Figure(
            "Response time, p99",
            "As the generator sees it, from the planned moment where it plans one.",
            "s",
            (Query('max by (name) (load_response_seconds{quantile="0.99"}) or vector(0)', "{{name}}"),),
            warn=0.5,
            bad=2,
            width=9,
        ),
    ),
)
LOAD: Final = Board(
    "saga-load",
    "Load",
    "What arrives at the doors, what becomes of it, and what the load generator says that it sent.",
    (DOORS, GENERATOR),
)
