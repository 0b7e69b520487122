"""The stage's pure parts: the wiring drawn from the table, the knobs read off the plans, and what is scraped."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, generate_latest

from choreography.reactions import TABLE
from lab.console.exposition import readings, total
from lab.console.graphs.layout import layout
from lab.console.orders.made import make_order
from lab.console.stage.knobs import KNOBS, Knob, level, strangers, turned
from lab.console.stage.wiring import graph_of_reactions, node_of
from services.faults.plan import NO_FAULTS, FaultKind, FaultPlan, FaultRule
from services.operations import Operation, Service
from services.order import Order

PLANS = st.lists(st.tuples(st.sampled_from(KNOBS), st.integers(0, 20)), max_size=12)


def test_every_row_of_the_reaction_table_is_an_arrow() -> None:
    graph = graph_of_reactions()
    drawn = {(edge.target, edge.label) for edge in graph.edges}
    assert {(node_of(row), str(row.on)) for row in TABLE} <= drawn
    assert {str(operation) for operation in Operation} <= {node.name for node in graph.nodes}


def test_the_wiring_can_be_laid_out() -> None:
    graph = graph_of_reactions()
    picture = layout(graph)
    assert set(picture.boxes) == {node.name for node in graph.nodes}


def test_a_row_taken_out_of_the_table_is_gone_from_the_drawing() -> None:
    rows = tuple(row for row in TABLE if row.operation is not Operation.REFUND)
    assert "refund" not in {node.name for node in graph_of_reactions(rows).nodes}


@given(PLANS)
def test_what_a_knob_was_turned_to_is_what_it_shows(turns: list[tuple[Knob, int]]) -> None:
    plan = NO_FAULTS
    last: dict[str, float] = {}
    for knob, twentieth in turns:
        to = float(twentieth > 10) if knob.most is None else knob.most * twentieth / 20
        plan, last[knob.name] = turned(plan, knob, to), to
    shown = {knob.name: round(level(plan, knob), 6) for knob in KNOBS if knob.name in last}
    assert shown == {name: round(to, 6) for name, to in last.items()}
    assert FaultPlan.model_validate_json(plan.model_dump_json()) == plan
    assert strangers(plan) == ()


def test_a_knob_leaves_other_peoples_rules_alone() -> None:
    other = FaultRule(kind=FaultKind.HANG, service=Service.PAYMENT)
    plan = turned(FaultPlan(seed=3, rules=(other,)), KNOBS[0], 1.0)
    assert strangers(plan) == (other,)
    assert turned(plan, KNOBS[0], 0.0) == FaultPlan(seed=3, rules=(other,))


@given(st.text(max_size=20), st.floats(0, 1e9))
def test_a_scrape_is_read_as_prometheus_writes_it(label: str, value: float) -> None:
    registry = CollectorRegistry()
    counter = Counter("lab_things", "Things.", ["kind"], registry=registry)
    counter.labels(label).inc(value)
    found = list(readings(generate_latest(registry).decode()))
    assert total(found, "lab_things_total") == value
    assert next(each for each in found if each.name == "lab_things_total").labels == {"kind": label}


def test_the_same_id_makes_the_same_order_and_a_dear_one_is_dear() -> None:
    catalogue = [{"sku": f"S{number}", "unit_price_cents": 100 + number} for number in range(40)]
    assert make_order(catalogue, "o1", dear=False) == make_order(catalogue, "o1", dear=False)
    assert make_order(catalogue, "o1", dear=True)["total_cents"] >= 60_000
    Order.model_validate(make_order(catalogue, "o1", dear=True))
