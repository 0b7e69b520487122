"""ARNs and subject tokens: what two executions are called must never be the same."""

from hypothesis import given
from hypothesis import strategies as st

from orchestration.names import (
    ExecutionName,
    MapRunName,
    escaped,
    execution_of_arn,
    is_item,
    is_map_run,
    is_token,
    map_run_of_arn,
)

# What AWS allows in a name, and more of what could confuse: dots, hexadecimal digits, dashes.
names = st.text(alphabet="abEF012-_.é", min_size=1, max_size=12)
maybe = st.one_of(st.just(""), names)


@given(st.lists(st.builds(ExecutionName, names, names, maybe, maybe), min_size=2, max_size=2, unique=True))
def test_tokens_differ_where_executions_do(pair: list[ExecutionName]) -> None:
    assert pair[0].token != pair[1].token


@given(names, names, st.uuids().map(str))
def test_a_map_runs_token_is_no_executions(machine: str, label: str, run: str) -> None:
    token = MapRunName(machine, label, run).token
    assert is_map_run(token)
    assert is_token(token)
    assert not is_map_run(ExecutionName(machine, label, run).token)


@given(names, names, maybe, maybe)
def test_an_item_is_known_by_its_token(machine: str, name: str, run: str, label: str) -> None:
    assert is_item(ExecutionName(machine, name, run, label).token) == bool(label)


@given(names)
def test_a_token_is_one_part_of_a_subject(name: str) -> None:
    assert is_token(ExecutionName("order_fulfilment", name).token)
    assert is_token(escaped(name))


@given(names, names, maybe)
def test_arns_are_read_back(machine: str, name: str, label: str) -> None:
    for execution in (ExecutionName(machine, name, "", label), ExecutionName(machine, name, "run")):
        assert execution_of_arn(execution.arn) == execution
    run = MapRunName(machine, label or "l", "r")
    assert map_run_of_arn(run.arn) == run
    assert execution_of_arn(run.arn) is None
    assert execution_of_arn("arn:aws:states:eu-west-1:1:execution:m:n") is None


def test_orders_keep_their_own_id() -> None:
    assert ExecutionName("order_fulfilment", "o-1").token == "o-1"
