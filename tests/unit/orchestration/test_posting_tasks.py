"""Queues, topics and event buses: what is posted, what is answered, and what is refused."""

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.asl.protocol import TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.tasks.events import EventsTasks
from orchestration.tasks.posting import Post, PostFailed
from orchestration.tasks.sns import SnsTasks
from orchestration.tasks.sqs import SqsTasks
from tests.unit.orchestration.task_samples import EXECUTION, run_task

SEND = "arn:aws:states:::sqs:sendMessage"
PUBLISH = "arn:aws:states:::sns:publish"
PUT = "arn:aws:states:::events:putEvents"
QUEUE = "https://sqs.us-east-1.amazonaws.com/000000000000/jobs"
TOPIC = "arn:aws:sns:us-east-1:000000000000:news"
NOW = 1_700_000_000.0


@dataclass
class Box:
    """Keeps what is posted; ``broken`` refuses it."""

    posts: list[Post] = field(default_factory=list)
    broken: bool = False

    async def post(self, post: Post) -> None:
        if self.broken:
            raise PostFailed("no broker")
        self.posts.append(post)


async def sent(parameters: Any, **more: Any) -> tuple[Any, list[Post]]:
    box = Box()
    told = await SqsTasks(box).run("e", run_task(more.pop("resource", SEND), parameters, **more))
    return told, box.posts


async def test_a_message_goes_to_its_queues_subject_with_the_digests_of_sqs() -> None:
    attributes = {"timestamp": {"DataType": "Number", "StringValue": "1493147359900"}}
    told, posts = await sent({"QueueUrl": QUEUE, "MessageBody": {"a": 1}, "MessageAttributes": attributes})
    assert [(post.subject, post.body) for post in posts] == [("aws.sqs.jobs", '{"a":1}')]
    assert isinstance(told, TaskSucceeded)
    assert told.output["MD5OfMessageBody"] == "bb6cb5c68df4652941caf652a366f2d8"
    assert told.output["MD5OfMessageAttributes"] == "235c5c510d26fb653d073faed50ae77c"
    assert told.output["MessageId"] == posts[0].details["MessageId"]
    assert told.output["SdkHttpMetadata"]["HttpStatusCode"] == 200


async def test_a_repeated_send_is_one_message_but_each_token_has_its_own() -> None:
    given = {"QueueUrl": QUEUE, "MessageBody": "x"}
    first, second = [(await sent(given, attempt=n))[1][0] for n in (1, 2)]
    assert (first.once, first.details["MessageId"]) == (second.once, second.details["MessageId"])
    resource = f"{SEND}.waitForTaskToken"
    asked = [await sent(given, resource=resource, token=f"t{n}", attempt=n) for n in (1, 2)]
    assert asked[0][1][0].once != asked[1][1][0].once
    assert all(isinstance(told, TaskSubmitted) for told, _ in asked)


async def test_a_fifo_queue_deduplicates_by_the_given_id() -> None:
    given = {"QueueUrl": f"{QUEUE}.fifo", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    _, posts = await sent(given)
    assert (posts[0].once, posts[0].subject) == ("sqs:jobs.fifo:d", "aws.sqs.jobs~2E-fifo")
    assert posts[0].details["MessageGroupId"] == "g"


@pytest.mark.parametrize(
    ("parameters", "cause"),
    [
        ({"MessageBody": "x"}, "'QueueUrl' is required"),
        ({"QueueUrl": QUEUE}, "'MessageBody' is required"),
        ({"QueueUrl": QUEUE, "MessageBody": ""}, "MessageBody"),
        ({"QueueUrl": "/", "MessageBody": "x"}, "address"),
        ({"QueueUrl": f"{QUEUE}.fifo", "MessageBody": "x"}, "MessageGroupId"),
        ({"QueueUrl": QUEUE, "MessageBody": "x", "Delay": 1}, "'Delay' is not supported"),
        ([], "must be a JSON object"),
    ],
)
async def test_what_sqs_refuses(parameters: Any, cause: str) -> None:
    told, posts = await sent(parameters or [1])
    assert isinstance(told, TaskFailed)
    assert (told.error, posts) == ("SQS.AmazonSQSException", [])
    assert cause in str(told.cause)


async def test_a_broker_out_of_reach_is_a_client_error() -> None:
    box = Box(broken=True)
    errors = [
        (SqsTasks(box), run_task(SEND, {"QueueUrl": QUEUE, "MessageBody": "x"}), "SQS"),
        (SnsTasks(box), run_task(PUBLISH, {"TopicArn": TOPIC, "Message": "x"}), "SNS"),
        (EventsTasks(box, lambda: NOW), run_task(PUT, {"Entries": [entry()]}), "EventBridge"),
    ]
    for tasks, task, service in errors:
        told = await tasks.run("e", task)
        assert isinstance(told, TaskFailed)
        assert told.error == f"{service}.SdkClientException"


async def test_a_notification_goes_to_its_topics_subject() -> None:
    box = Box()
    task = run_task(PUBLISH, {"TopicArn": TOPIC, "Message": {"a": "ü"}, "Subject": "s"})
    told = await SnsTasks(box).run("e", task)
    assert isinstance(told, TaskSucceeded)
    assert [(post.subject, post.body) for post in box.posts] == [("aws.sns.news", '{"a":"ü"}')]
    assert (told.output["MessageId"], box.posts[0].details["Subject"]) == (box.posts[0].details["MessageId"], "s")
    for wrong in ({"Message": "x"}, {"TopicArn": TOPIC, "PhoneNumber": "1", "Message": "x"}, {"TopicArn": TOPIC}):
        told = await SnsTasks(box).run("e", run_task(PUBLISH, wrong))
        assert isinstance(told, TaskFailed)
        assert told.error == "SNS.AmazonSNSException"


def entry(**more: Any) -> dict[str, Any]:
    return {"Source": "shop", "DetailType": "Sold", "Detail": {"n": 1}, **more}


async def put(*entries: Any) -> tuple[Any, list[Post]]:
    box = Box()
    told = await EventsTasks(box, lambda: NOW).run("e", run_task(PUT, {"Entries": list(entries)}))
    return told, box.posts


async def test_events_are_eventbridges_and_name_their_execution() -> None:
    told, posts = await put(entry(EventBusName="arn:aws:events:us-east-1:0:event-bus/sales"), entry(Detail='{"n": 2}'))
    assert isinstance(told, TaskSucceeded)
    assert [post.subject for post in posts] == ["aws.events.sales", "aws.events.default"]
    event = orjson.loads(posts[0].body)
    assert event["resources"] == ["arn:aws:states:us-east-1:000000000000:stateMachine:m", EXECUTION]
    assert (event["time"], event["detail-type"], event["detail"]) == ("2023-11-14T22:13:20Z", "Sold", {"n": 1})
    assert orjson.loads(posts[1].body)["detail"] == {"n": 2}
    assert told.output["Entries"] == [{"EventId": orjson.loads(post.body)["id"]} for post in posts]
    assert (told.output["FailedEntryCount"], len({post.once for post in posts})) == (0, 2)


async def test_a_malformed_entry_fails_the_task_and_the_others_are_sent() -> None:
    told, posts = await put(entry(), entry(Detail='"text"'), entry(Source=""))
    assert isinstance(told, TaskFailed)
    assert (told.error, len(posts)) == ("EventBridge.FailedEntry", 1)
    cause = orjson.loads(str(told.cause))
    assert cause["FailedEntryCount"] == 2
    assert cause["Entries"][1] == {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    assert cause["Entries"][2]["ErrorCode"] == "InvalidArgument"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    *("QueueUrl", "MessageBody", "MessageAttributes", "MessageGroupId", "MessageDeduplicationId", "DelaySeconds"),
    *("TopicArn", "Message", "Subject", "Entries"),
    *("Source", "Detail", "DetailType", "EventBusName", "Resources", "Time"),
]


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
async def test_whatever_the_parameters_hold_something_is_told(parameters: dict[str, Any]) -> None:
    box = Box()
    for task in (run_task(SEND, parameters), run_task(SEND, {"QueueUrl": QUEUE, "MessageBody": "x", **parameters})):
        assert isinstance(await SqsTasks(box).run("e", task), TaskSucceeded | TaskFailed)
    for given_all in (parameters, {"TopicArn": TOPIC, "Message": "x", **parameters}):
        assert isinstance(await SnsTasks(box).run("e", run_task(PUBLISH, given_all)), TaskSucceeded | TaskFailed)
    told, _ = await put({**entry(), **parameters})
    assert isinstance(told, TaskSucceeded | TaskFailed)
