"""Activities: names in subjects, and what is stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.activity_subjects import consumer_of, task_subject, tasks_of
from orchestration.asl.protocol import RunTask
from orchestration.errors import Unreadable
from orchestration.names import activity_arn, qualifier, version_and_alias
from orchestration.runtime.activities import Activity, ActivityTask, decode_activity, decode_task
from orchestration.tasks.activity import ActivityTasks

NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=80)


@given(NAMES)
def test_any_name_makes_subjects_and_a_consumer(name: str) -> None:
    subject, mine = task_subject(name, "m~e", 3, 1), tasks_of(name)
    assert subject.startswith(mine.removesuffix(">"))
    assert subject.count(".") == 4
    assert not set("*> \t") & set(subject)
    assert len(consumer_of(name)) < 64


def test_what_is_stored_is_read_back() -> None:
    activity = Activity(name="a", created_at=1.5, tags={"k": "v"})
    assert decode_activity(activity.encode()) == activity
    task = ActivityTask("m~e", 3, 2, {"n": [1]})
    assert decode_task(task.encode()) == task


@pytest.mark.parametrize("body", [b"", b"[]", b'{"x": 1}'])
def test_what_nobody_wrote_is_unreadable(body: bytes) -> None:
    for decode in (decode_activity, decode_task):
        with pytest.raises(Unreadable):
            decode(body)


async def test_a_task_is_queued_under_its_activitys_name_and_nothing_is_told() -> None:
    queued: list[tuple[object, ...]] = []

    async def queue(*task: object) -> None:
        queued.append(task)

    task = RunTask(entry=3, key="k", resource=activity_arn("work"), parameters={"n": 1}, attempt=2, token="t")
    assert ActivityTasks(queue).told_at_once(task) is None
    assert await ActivityTasks(queue).run("m~e", task) is None
    assert queued == [("work", "m~e", 3, 2, {"n": 1})]


@pytest.mark.parametrize(("version", "alias"), [("", ""), ("3", ""), ("3", "PROD")])
def test_a_qualifier_tells_version_and_alias(version: str, alias: str) -> None:
    assert version_and_alias(qualifier(version, alias)) == (version, alias)
