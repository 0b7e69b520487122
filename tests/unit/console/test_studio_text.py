"""Text and graph follow each other: places of problems, forms, and the workbench with its way back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.console.studio import edits
from lab.console.studio.edits import EMPTY, CannotEdit
from lab.console.studio.forms import RETRY, Field, Kind, fields_of, retries_told, text_of, with_example, with_field
from lab.console.studio.places import line_of, parse_error
from lab.console.studio.workbench import Workbench, state_of, written

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def pointers(value: Any, path: str = "") -> list[tuple[str, Any]]:
    found = [(path, value)]
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in members:
        found += pointers(each, f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}")
    return found


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text('ab~/é"', min_size=1, max_size=4), JSONS, min_size=1, max_size=3))
def test_every_member_is_found_at_its_line(content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False)
    lines = text.split("\n")
    for name in content:
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        line = line_of(text, pointer)
        assert line is not None
        assert lines[line - 1].lstrip().startswith(json.dumps(name, ensure_ascii=False))


def test_what_is_not_there_is_told_at_what_stands_around_it() -> None:
    text = '{\n "States": {\n  "A": {\n   "Type": "Pass"\n  }\n }\n}'
    assert line_of(text, "/States/A/Type") == 4
    assert line_of(text, "/States/A/Next") == 3
    assert line_of(text, "/") == 1
    assert line_of("{ not json", "/States") is None


def test_a_mistake_in_the_text_is_told_with_its_line() -> None:
    assert parse_error('{\n "a": 1,\n}') is not None
    assert (parse_error('{\n "a" 1}') or (0, ""))[0] == 2
    assert parse_error("{}") is None


def test_the_innermost_state_of_a_pointer() -> None:
    assert state_of("/States/Both/Branches/0/States/Left/Next") == "Left"
    assert state_of("/StartAt") == ""


def test_text_that_cannot_be_read_leaves_the_graph_as_it_was() -> None:
    bench = Workbench()
    assert not bench.type('{"StartAt": ')
    assert bench.definition == EMPTY
    assert bench.typing_problem() is not None
    assert bench.type('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')
    assert bench.definition["StartAt"] == "A"
    assert bench.typing_problem() is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["Task", "Wait", "Choice", "Map"]), max_size=5))
def test_undo_leads_back_step_by_step(added: list[str]) -> None:
    bench = Workbench()
    texts = [bench.text]
    for type_ in added:
        bench.edit(lambda of, type_=type_: edits.add_state(of, type_, bench.selected))  # type: ignore[misc]
        assert json.loads(bench.text) == bench.definition
        texts.append(bench.text)
    for expected in texts[-2::-1]:
        assert bench.undo()
        assert bench.text == expected
        assert written(bench.definition) == expected
    assert not bench.undo()


def test_a_field_is_taken_over_taken_away_or_refused() -> None:
    seconds = Field("Seconds", Kind.NUMBER, "")
    assert with_field({"Type": "Wait"}, seconds, "5") == {"Type": "Wait", "Seconds": 5}
    assert with_field({"Type": "Wait", "Seconds": 5}, seconds, " ") == {"Type": "Wait"}
    with pytest.raises(CannotEdit, match="number"):
        with_field({"Type": "Wait"}, seconds, '"soon"')
    with pytest.raises(CannotEdit, match="Retry"):
        with_field({"Type": "Task"}, Field("Retry", Kind.JSON, ""), "[{]")
    path = Field("ResultPath", Kind.TEXT, "")
    assert with_field({"Type": "Task"}, path, "null") == {"Type": "Task", "ResultPath": None}
    assert text_of({"ResultPath": None}, path) == "null"


@pytest.mark.parametrize("type_", ["Task", "Choice", "Wait", "Pass", "Parallel", "Map", "Succeed", "Fail"])
def test_what_a_form_shows_can_be_written_back_unchanged(type_: str) -> None:
    state = {"Type": type_, "Comment": "why"}
    for field in fields_of(state):
        filled = (
            with_example(state, field, "Other")
            if field.kind is Kind.JSON
            else {**state, field.name: 5 if field.kind is Kind.NUMBER else "text"}
        )
        if text_of(filled, field):
            assert with_field(filled, field, text_of(filled, field)) == filled


def test_retries_are_told_on_the_box() -> None:
    assert retries_told({"Retry": RETRY}) == "↻ 3"
    assert retries_told({"Retry": [{"MaxAttempts": 99999999}]}) == "↻ for ever"
    assert retries_told({"Retry": [{"MaxAttempts": 0}]}) == retries_told({}) == ""
