"""A correct saga is never accused, and one wrong row is always found, whatever the orders and their interleaving."""

from dataclasses import dataclass
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.auditor import AcceptedOrder, Anomaly, Effect
from tests.judge_ledgers import TOTAL, Ledgers, order

# Every way in which a saga may correctly go, with the story that its lane should tell.
COURSES: dict[str, tuple[tuple[str, ...], str]] = {
    "fulfilled": (("charge", "reserve", "print_label"), "fulfilled"),
    "card declined": ((), "rolled_back"),
    "out of stock": (("charge", "refund"), "rolled_back"),
    "printer broken": (("charge", "reserve", "release", "refund"), "rolled_back"),
    "label lost": (("charge", "reserve", "print_label", "void_label", "release", "refund"), "rolled_back"),
}


@dataclass
class World:
    orders: tuple[AcceptedOrder, ...]
    ledgers: Ledgers
    stories: dict[str, str | None]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Some orders, each on its course, their effects interleaved."""
    courses = draw(st.lists(st.sampled_from(sorted(COURSES)), min_size=1, max_size=8))
    ids = [f"o{number}" for number in range(len(courses))]
    left = {order_id: list(COURSES[course][0]) for order_id, course in zip(ids, courses, strict=True)}
    ledgers = Ledgers(seeded=1000)
    while waiting := [order_id for order_id in ids if left[order_id]]:
        order_id = draw(st.sampled_from(waiting))
        ledgers.do(left[order_id].pop(0), order_id=order_id)
    stories: dict[str, str | None] = {
        order_id: COURSES[course][1] for order_id, course in zip(ids, courses, strict=True)
    }
    return World(tuple(order(order_id) for order_id in ids), ledgers, stories)


@given(worlds())
def test_a_correct_history_is_never_accused(world: World) -> None:
    found = world.ledgers.audit(*world.orders, stories=world.stories)
    assert found.clean, found.tallies


def rows_of(world: World) -> list[tuple[str, int]]:
    return [(service, place) for service, rows in world.ledgers.rows.items() for place in range(len(rows))]


def mutate(draw: st.DrawFn, world: World) -> str:
    """Bend one row of one ledger, or one story; the word says how."""
    rows = rows_of(world)
    kinds = ["forget", "ghost", "disbelieve", *(["drop", "repeat", "amount"] if rows else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "forget":
        world.stories[draw(st.sampled_from(sorted(world.stories)))] = None
    elif kind == "ghost":
        world.ledgers.do("charge", order_id="ghost")
    elif kind == "disbelieve":
        order_id = draw(st.sampled_from(sorted(world.stories)))
        other = {"fulfilled": "rolled_back", "rolled_back": "fulfilled"}
        world.stories[order_id] = other[world.stories[order_id] or ""]
    else:
        service, place = draw(st.sampled_from(rows))
        bend_row(world.ledgers.rows[service], place, kind, draw(st.sampled_from([-1, 1])))
    return kind


def bend_row(rows: list[Effect], place: int, kind: str, by: int) -> None:
    row = rows[place]
    if kind == "drop":
        del rows[place]
    elif kind == "repeat" or not (row.amount_cents or row.lines):  # a label has nothing to count wrongly
        rows.append(row._replace(seq=rows[-1].seq + 1))
    else:
        amount = row.amount_cents + by if row.amount_cents else 0
        rows[place] = row._replace(amount_cents=amount, lines=tuple((sku, count + by) for sku, count in row.lines))


@settings(max_examples=300)
@given(st.data())
def test_one_wrong_row_is_always_found(data: st.DataObject) -> None:
    world = data.draw(worlds())

    @st.composite
    def bent(draw: st.DrawFn) -> str:
        return mutate(draw, world)

    kind = data.draw(bent())
    found = world.ledgers.audit(*world.orders, stories=world.stories)
    assert found.tallies, kind


@given(worlds(), st.integers(min_value=1, max_value=5))
def test_each_repeated_charge_is_a_double_charge_of_its_order(world: World, times: int) -> None:
    for _ in range(times):
        world.ledgers.do("charge", order_id="o0")
    found = world.ledgers.audit(*world.orders, stories=world.stories)
    charges = sum(row.order_id == "o0" for row in world.ledgers.rows["payment"] if row.operation == "charge")
    assert (Anomaly.DOUBLE_CHARGE in found.anomalies.get("o0", ())) == (charges > 1)
    assert found.money.charged_cents == TOTAL * sum(row.operation == "charge" for row in world.ledgers.rows["payment"])


@given(worlds(), st.randoms(use_true_random=False))
def test_the_verdict_does_not_depend_on_how_the_rows_arrive(world: World, chance: Random) -> None:
    before = world.ledgers.audit(*world.orders, stories=world.stories).to_json()
    for rows in world.ledgers.rows.values():
        chance.shuffle(rows)
    assert world.ledgers.audit(*world.orders, stories=world.stories).to_json() == before


@given(worlds())
def test_outcomes_add_up_to_the_orders(world: World) -> None:
    found = world.ledgers.audit(*world.orders)
    assert sum(found.outcome_counts().values()) == found.orders == len(world.orders)
