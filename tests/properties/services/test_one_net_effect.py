"""Whatever is sent, how often, in which order: at most one net effect; group commit decides as one by one does."""

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from services.errors import KeyReused
from services.faults.plan import NO_FAULTS, FaultKind, FaultPlan, FaultRule
from services.guards import Guards
from services.ledger.batch import Loaded, Outcome, Request, Terms, Written, decide_batch
from services.operations import Operation, Service
from services.rules import OrderState
from tests.services_orders import request

TERMS = Terms(Service.WAREHOUSE, NO_FAULTS, Guards(), "2026", KeyReused)
FAULTY = FaultPlan(
    seed=3,
    rules=tuple(
        FaultRule(kind=kind, service=Service.WAREHOUSE, probability=0.2)
        for kind in (FaultKind.ERROR, FaultKind.HANG, FaultKind.LOST_REPLY, FaultKind.REFUSAL)
    ),
)
SEEDED = {"MUG-1": 5, "PEN-1": 2}

requests = st.lists(
    st.builds(
        request,
        st.sampled_from([Operation.RESERVE, Operation.RELEASE]),
        st.sampled_from(["o-1", "o-2", "o-3"]),
        st.sampled_from(["k-1", "k-2", "k-3", "k-4", "k-5"]),
        sku=st.sampled_from(["MUG-1", "PEN-1", "NONE-1"]),
        quantity=st.integers(1, 3),
        message_id=st.none() | st.sampled_from(["m-1", "m-2", "m-3"]),
    ),
    max_size=25,
)


def terms(plan: FaultPlan, guards: Guards = TERMS.guards) -> Terms:
    return Terms(TERMS.service, plan, guards, TERMS.at, TERMS.reused)


def net(written: Written) -> dict[str, int]:
    balance: Counter[str] = Counter()
    for row in written.effects:
        balance[row["order_id"]] += 1 if row["operation"] == Operation.RESERVE else -1
    return dict(balance)


@given(requests, st.sampled_from([NO_FAULTS, FAULTY]))
def test_at_most_one_net_effect_and_stock_is_conserved(sequence: list[Request], plan: FaultPlan) -> None:
    loaded = Loaded(stock=dict(SEEDED))
    _, written = decide_batch(sequence, loaded, terms(plan))
    assert all(balance in (0, 1) for balance in net(written).values())
    operations = Counter((row["order_id"], row["operation"]) for row in written.effects)
    assert all(count == 1 for count in operations.values()), "each done once, each undone once"
    for sku, seeded in SEEDED.items():
        assert loaded.stock[sku] == seeded + written.stock.get(sku, 0)
        assert 0 <= loaded.stock[sku] <= seeded


@given(
    requests, st.sampled_from([NO_FAULTS, FAULTY]), st.sampled_from([Guards(), Guards(False, False, False)]), st.data()
)
@settings(max_examples=200)
def test_a_batch_is_decided_as_one_by_one(
    sequence: list[Request], plan: FaultPlan, guards: Guards, data: st.DataObject
) -> None:
    """Cut the sequence anywhere: the batches together come to the same outcomes, rows and end state."""
    cuts = sorted(data.draw(st.sets(st.integers(0, len(sequence)), max_size=4)) | {0, len(sequence)})
    in_batches = [sequence[a:b] for a, b in pairwise(cuts)]
    one_by_one = [[each] for each in sequence]
    assert play(in_batches, plan, guards) == play(one_by_one, plan, guards)


def play(
    batches: list[list[Request]], plan: FaultPlan, guards: Guards
) -> tuple[list[object], list[object], dict[str, int], dict[str, OrderState]]:
    loaded = Loaded(stock=dict(SEEDED))
    told: list[object] = []
    rows: list[object] = []
    for batch in batches:
        outcomes, written = decide_batch(batch, loaded, terms(plan, guards))
        told += [tell(each) for each in outcomes]
        rows += [written.effects, written.tombstones, written.injected, written.inbox, written.idempotency]
    flat = [row for group in rows for row in group]  # type: ignore[attr-defined]  # lists of rows
    flat.sort(key=repr)
    return told, flat, loaded.stock, loaded.orders


def tell(outcome: Outcome) -> object:
    return (outcome.attempt, outcome.answer, outcome.fault, outcome.acted, repr(outcome.error))


@given(requests)
def test_a_repeated_key_gets_its_first_answer(sequence: list[Request]) -> None:
    loaded = Loaded(stock=dict(SEEDED))
    first: dict[tuple[str, str], object] = {}
    for each in sequence:
        [outcome], _ = decide_batch([each], loaded, TERMS)
        if outcome.answer is None:
            assert isinstance(outcome.error, KeyReused)
            continue
        if each.command.inbox is None:
            told = (outcome.answer.result, outcome.answer.refusal, outcome.answer.detail)
            assert first.setdefault((each.command.key, each.body_hash), told) == told
