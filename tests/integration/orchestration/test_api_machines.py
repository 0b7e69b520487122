"""State machines over AWS's API, asked by boto3: created, changed, versioned, aliased, tagged, listed, deleted."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import RealNats
from tests.integration.orchestration.api_server import ROLE, Api, running_api
from tests.integration.orchestration.lane import eventually

pytestmark = pytest.mark.more

PREFIX = "arn:aws:states:us-east-1:000000000000:stateMachine"


def passing(comment: str = "") -> str:
    return json.dumps({"Comment": comment, "StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


@pytest.fixture
async def api(nats_url: RealNats) -> AsyncIterator[Api]:
    async with running_api(nats_url) as running:
        yield running


async def created(api: Api, name: str = "m", **more: Any) -> str:
    given = {"definition": passing(), "roleArn": ROLE, **more}
    arn: str = (await api.call("create_state_machine", name=name, **given))["stateMachineArn"]
    return arn


async def test_a_machine_is_told_as_it_was_created(api: Api) -> None:
    logging = {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:0:log-group:g:*"}}],
    }
    arn = await created(
        api,
        "a.b_c@d",
        type="EXPRESS",
        loggingConfiguration=logging,
        tracingConfiguration={"enabled": True},
        tags=[{"key": "k", "value": "v"}],
    )
    told = await api.call("describe_state_machine", stateMachineArn=arn)
    assert arn == f"{PREFIX}:a.b_c@d"
    created_at = told.pop("creationDate")
    assert told == {
        "stateMachineArn": arn,
        "name": "a.b_c@d",
        "status": "ACTIVE",
        "definition": passing(),
        "roleArn": ROLE,
        "type": "EXPRESS",
        "loggingConfiguration": logging,
        "tracingConfiguration": {"enabled": True},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        "variableReferences": {},
    }
    (listed,) = [each for each in (await api.call("list_state_machines"))["stateMachines"] if each["name"] == "a.b_c@d"]
    assert listed == {"stateMachineArn": arn, "name": "a.b_c@d", "type": "EXPRESS", "creationDate": created_at}
    assert (await api.call("list_tags_for_resource", resourceArn=arn))["tags"] == [{"key": "k", "value": "v"}]
    only = await api.call("describe_state_machine", stateMachineArn=arn, includedData="METADATA_ONLY")
    assert only["definition"] == "{}"


async def test_creating_is_idempotent_and_another_machine_of_the_name_is_refused(api: Api) -> None:
    first = await api.call("create_state_machine", name="m", definition=passing(), roleArn=ROLE)
    again = await api.call("create_state_machine", name="m", definition=passing(), roleArn=ROLE + "2")
    assert again == first
    assert (await api.call("describe_state_machine", stateMachineArn=first["stateMachineArn"]))["roleArn"] == ROLE
    for other in (
        {"definition": passing("other")},
        {"type": "EXPRESS"},
        {"publish": True},
        {"tracingConfiguration": {"enabled": True}},
    ):
        given: dict[str, Any] = {"definition": passing(), "roleArn": ROLE, **other}
        code, message = await api.error_of("create_state_machine", name="m", **given)
        assert (code, message) == ("StateMachineAlreadyExists", f"State Machine Already Exists: '{PREFIX}:m'")


async def test_a_deleted_machine_is_gone_and_its_name_is_free(api: Api) -> None:
    arn = await created(api, publish=True)
    await api.call("delete_state_machine", stateMachineArn=arn)
    await api.call("delete_state_machine", stateMachineArn=arn)
    gone = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    assert await api.error_of("describe_state_machine", stateMachineArn=arn) == gone
    assert await api.error_of("update_state_machine", stateMachineArn=arn, roleArn=ROLE) == gone
    assert await created(api, definition=passing("new")) == arn
    assert (await api.call("list_state_machine_versions", stateMachineArn=arn))["stateMachineVersions"] == []


async def test_an_update_makes_a_revision_and_can_publish_it(api: Api) -> None:
    arn = await created(api)
    assert "revisionId" not in await api.call("describe_state_machine", stateMachineArn=arn)
    changed = await api.call(
        "update_state_machine", stateMachineArn=arn, definition=passing("2"), publish=True, versionDescription="two"
    )
    assert changed["stateMachineVersionArn"] == f"{arn}:1"
    told = await api.call("describe_state_machine", stateMachineArn=arn)
    assert (told["definition"], told["roleArn"], told["revisionId"]) == (passing("2"), ROLE, changed["revisionId"])
    same = await api.call("update_state_machine", stateMachineArn=arn, definition=passing("2"))
    assert same["revisionId"] == changed["revisionId"]
    code, _ = await api.error_of("update_state_machine", stateMachineArn=arn)
    assert code == "MissingRequiredParameter"
    code, _ = await api.error_of("update_state_machine", stateMachineArn=arn, definition='{"StartAt": "A"}')
    assert code == "InvalidDefinition"
    assert (await api.call("describe_state_machine", stateMachineArn=arn))["definition"] == passing("2")


async def test_versions_stay_what_they_were(api: Api) -> None:
    arn = await created(api, publish=True, versionDescription="first")
    await api.call("update_state_machine", stateMachineArn=arn, definition=passing("2"))
    code, _ = await api.error_of("publish_state_machine_version", stateMachineArn=arn, revisionId="INITIAL")
    assert code == "ConflictException"
    second = await api.call("publish_state_machine_version", stateMachineArn=arn, description="second")
    again = await api.call("publish_state_machine_version", stateMachineArn=arn, description="ignored")
    assert second == again
    assert second["stateMachineVersionArn"] == f"{arn}:2"
    told = await api.call("describe_state_machine", stateMachineArn=f"{arn}:1")
    assert (told["stateMachineArn"], told["definition"], told["description"]) == (f"{arn}:1", passing(), "first")
    newest = await api.call("list_state_machine_versions", stateMachineArn=arn, maxResults=1)
    assert [each["stateMachineVersionArn"] for each in newest["stateMachineVersions"]] == [f"{arn}:2"]
    rest = await api.call("list_state_machine_versions", stateMachineArn=arn, nextToken=newest["nextToken"])
    assert [each["stateMachineVersionArn"] for each in rest["stateMachineVersions"]] == [f"{arn}:1"]
    await api.call("delete_state_machine_version", stateMachineVersionArn=f"{arn}:1")
    code, _ = await api.error_of("describe_state_machine", stateMachineArn=f"{arn}:1")
    assert code == "StateMachineDoesNotExist"
    await api.call("update_state_machine", stateMachineArn=arn, definition=passing("3"))
    third = await api.call("publish_state_machine_version", stateMachineArn=arn)
    assert third["stateMachineVersionArn"] == f"{arn}:3"


async def test_an_alias_divides_between_versions_and_protects_them(api: Api) -> None:
    arn = await created(api, publish=True)
    await api.call("update_state_machine", stateMachineArn=arn, definition=passing("2"), publish=True)
    routes = [
        {"stateMachineVersionArn": f"{arn}:1", "weight": 90},
        {"stateMachineVersionArn": f"{arn}:2", "weight": 10},
    ]
    made = await api.call("create_state_machine_alias", name="PROD", routingConfiguration=routes)
    assert made["stateMachineAliasArn"] == f"{arn}:PROD"
    assert await api.call("create_state_machine_alias", name="PROD", routingConfiguration=routes) == made
    code, _ = await api.error_of(
        "create_state_machine_alias",
        name="PROD",
        routingConfiguration=[{"stateMachineVersionArn": f"{arn}:1", "weight": 100}],
    )
    assert code == "ConflictException"
    told = await api.call("describe_state_machine_alias", stateMachineAliasArn=f"{arn}:PROD")
    assert (told["name"], told["routingConfiguration"]) == ("PROD", routes)
    code, message = await api.error_of("delete_state_machine_version", stateMachineVersionArn=f"{arn}:2")
    assert (code, "PROD" in message) == ("ConflictException", True)
    await api.call(
        "update_state_machine_alias",
        stateMachineAliasArn=f"{arn}:PROD",
        description="one",
        routingConfiguration=[{"stateMachineVersionArn": f"{arn}:1", "weight": 100}],
    )
    await api.call("delete_state_machine_version", stateMachineVersionArn=f"{arn}:2")
    for_version = await api.call("list_state_machine_aliases", stateMachineArn=f"{arn}:1")
    assert [each["stateMachineAliasArn"] for each in for_version["stateMachineAliases"]] == [f"{arn}:PROD"]
    await api.call("delete_state_machine_alias", stateMachineAliasArn=f"{arn}:PROD")
    code, _ = await api.error_of("describe_state_machine_alias", stateMachineAliasArn=f"{arn}:PROD")
    assert code == "ResourceNotFound"


@pytest.mark.parametrize(
    ("routes", "code"),
    [
        ([(":1", 50)], "ValidationException"),
        ([(":1", 50), (":1", 50)], "ValidationException"),
        ([(":7", 100)], "ResourceNotFound"),
        ([(":1", 101)], "ValidationException"),
        ([("", 100)], "ValidationException"),
    ],
)
async def test_a_wrong_routing_is_refused(api: Api, routes: list[tuple[str, int]], code: str) -> None:
    arn = await created(api, publish=True)
    configuration = [{"stateMachineVersionArn": arn + end, "weight": weight} for end, weight in routes]
    told, _ = await api.error_of("create_state_machine_alias", name="A", routingConfiguration=configuration)
    assert told == code


async def test_lists_are_paged_and_a_forged_token_is_refused(api: Api) -> None:
    for name in ("a", "b", "c"):
        await created(api, name)
    first = await api.call("list_state_machines", maxResults=2)
    rest = await api.call("list_state_machines", maxResults=2, nextToken=first["nextToken"])
    names = [each["name"] for page in (first, rest) for each in page["stateMachines"]]
    assert names == ["a", "b", "c", "order_fulfilment"]
    assert "nextToken" not in rest
    for forged in ("x", "AAAA" + first["nextToken"][4:], first["nextToken"][:-4]):
        assert (await api.error_of("list_state_machines", nextToken=forged))[0] == "InvalidToken"


async def test_the_built_in_machine_is_told_and_cannot_be_changed(api: Api) -> None:
    arn = f"{PREFIX}:order_fulfilment"
    told = await api.call("describe_state_machine", stateMachineArn=arn)
    assert json.loads(told["definition"])["StartAt"]
    for operation, more in (
        ("delete_state_machine", {}),
        ("update_state_machine", {"roleArn": ROLE}),
        ("publish_state_machine_version", {}),
    ):
        code, message = await api.error_of(operation, stateMachineArn=arn, **more)
        assert (code, "built-in" in message) == ("ValidationException", True)
    code, _ = await api.error_of("create_state_machine", name="order_fulfilment", definition=passing(), roleArn=ROLE)
    assert code == "ValidationException"


async def test_tags_are_added_replaced_and_taken_away(api: Api) -> None:
    arn = await created(api, tags=[{"key": "a", "value": "1"}])
    await api.call("tag_resource", resourceArn=arn, tags=[{"key": "a", "value": "2"}, {"key": "b", "value": "3"}])
    await api.call("untag_resource", resourceArn=arn, tagKeys=["b", "missing"])
    assert (await api.call("list_tags_for_resource", resourceArn=arn))["tags"] == [{"key": "a", "value": "2"}]
    many = [{"key": str(number), "value": ""} for number in range(50)]
    assert (await api.error_of("tag_resource", resourceArn=arn, tags=many))[0] == "TooManyTags"
    assert (await api.error_of("list_tags_for_resource", resourceArn=f"{PREFIX}:none"))[0] == "ResourceNotFound"


async def test_a_definition_of_a_megabyte_is_kept(api: Api) -> None:
    text = passing('"' * 100_000 + "x" * (1_048_576 - 200_000 - len(passing())))
    assert len(text) == 1_048_576
    arn = await created(api, definition=text)
    assert (await api.call("describe_state_machine", stateMachineArn=arn))["definition"] == text


async def test_a_name_that_aws_forbids_is_refused(api: Api) -> None:
    for name in ("a b", "a/b", "a\x00", "a\n", "a*", "a>b", "a:b", "a\u0080", "a\ufffe", "a$"):
        told = await api.error_of("create_state_machine", name=name, definition=passing(), roleArn=ROLE)
        assert told == ("InvalidName", f"Invalid Name: '{name}'")


async def test_constraints_are_told_in_the_words_of_aws(api: Api) -> None:
    name = "n" * 81
    assert await api.error_of("create_state_machine", name=name, definition=passing(), roleArn=ROLE, type="SLOW") == (
        "ValidationException",
        f"2 validation errors detected: Value '{name}' at 'name' failed to satisfy constraint: Member must have length "
        "less than or equal to 80; Value 'SLOW' at 'type' failed to satisfy constraint: Member must satisfy enum value "
        "set: [STANDARD, EXPRESS]",
    )


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("nonsense", "InvalidArn"),
        (f"{PREFIX}:", "InvalidArn"),
        (f"{PREFIX}:m:1:2", "InvalidArn"),
        ("arn:aws:states:us-east-1:000000000000:execution:m:e", "InvalidArn"),
        ("arn:aws:states:eu-west-1:000000000000:stateMachine:m", "StateMachineDoesNotExist"),
        (f"{PREFIX}:m", "StateMachineDoesNotExist"),
        (f"{PREFIX}:m:7", "StateMachineDoesNotExist"),
        (f"{PREFIX}:m/label", "ValidationException"),
    ],
)
async def test_an_arn_that_names_no_machine_is_told_apart(api: Api, arn: str, code: str) -> None:
    assert (await api.error_of("describe_state_machine", stateMachineArn=arn))[0] == code


async def test_of_machines_created_at_once_under_one_name_one_wins(api: Api) -> None:
    async def create(number: int) -> str:
        try:
            await created(api, definition=passing(str(number)))
        except api.sfn.exceptions.StateMachineAlreadyExists:
            return "refused"
        return str(number)

    outcomes = await asyncio.gather(*map(create, range(8)))
    (winner,) = [outcome for outcome in outcomes if outcome != "refused"]
    told = await api.call("describe_state_machine", stateMachineArn=f"{PREFIX}:m")
    assert told["definition"] == passing(winner)


async def test_versions_published_at_once_are_one_version_for_each_revision(api: Api) -> None:
    arn = await created(api)
    published = await asyncio.gather(
        *(api.call("publish_state_machine_version", stateMachineArn=arn) for _ in range(4))
    )
    assert {each["stateMachineVersionArn"] for each in published} == {f"{arn}:1"}


async def test_tags_added_at_once_are_all_kept(api: Api) -> None:
    arn = await created(api)
    await asyncio.gather(
        *(api.call("tag_resource", resourceArn=arn, tags=[{"key": key, "value": ""}]) for key in "abcd")
    )
    tags = (await api.call("list_tags_for_resource", resourceArn=arn))["tags"]
    assert sorted(tag["key"] for tag in tags) == ["a", "b", "c", "d"]


async def test_activities_have_tags_too(api: Api) -> None:
    arn = (await api.call("create_activity", name="a", tags=[{"key": "k", "value": "1"}]))["activityArn"]
    await api.call("tag_resource", resourceArn=arn, tags=[{"key": "l", "value": "2"}])
    await api.call("untag_resource", resourceArn=arn, tagKeys=["k"])
    assert (await api.call("list_tags_for_resource", resourceArn=arn))["tags"] == [{"key": "l", "value": "2"}]
    assert (await api.error_of("list_tags_for_resource", resourceArn=f"{arn}x"))[0] == "ResourceNotFound"


async def test_machines_outlive_a_kill_of_the_broker(nats_url: RealNats) -> None:
    async with running_api(nats_url) as api:
        arn = await created(api, publish=True, tags=[{"key": "k", "value": "v"}])
        before = await api.call("describe_state_machine", stateMachineArn=f"{arn}:1")
        await nats_url.restart()

        async def told() -> bool:
            with contextlib.suppress(ClientError):
                return await api.call("describe_state_machine", stateMachineArn=f"{arn}:1") == before
            return False

        await eventually(told)
