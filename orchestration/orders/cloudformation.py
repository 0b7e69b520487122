"""The order machine as a CloudFormation template, so that the same saga runs on AWS. Pure.

What only this project's conductor knows is put in AWS's terms: a call of a service becomes ``http:invoke`` or a Lambda
function, and a person is asked through an SQS queue whose messages hold the task token.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from orchestration.orders.definition import OPERATION_OF_RESOURCE
from orchestration.orders.order_story import ASKS_A_MANAGER, ASKS_FOR_REPAIR
from orchestration.orders.tasks_as import TasksAs
from services.operations import PATH_OF, SERVICE_OF, Service

Json = Any

HTTP_TASK: Final = "arn:aws:states:::http:invoke"
LAMBDA_TASK: Final = "arn:aws:states:::lambda:invoke"
QUEUE_TASK: Final = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
# A refusal is the service's 409, of which nothing came about.
# https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html#call-https-apis-errors
_REFUSED: Final = "States.Http.StatusCode.409"
_PASSING_STATUSES: Final = (408, 425, 429, 500, 502, 503, 504)
_ERRORS: Final[dict[TasksAs, dict[str, tuple[str, ...]]]] = {
    TasksAs.HTTP: {
        "Http.Unavailable": tuple(f"States.Http.StatusCode.{status}" for status in _PASSING_STATUSES),
        "Http.ConnectionLost": ("States.Http.Socket",),
        "CardDeclined": (_REFUSED,),
    },
    # A function raises the service's own error names; those that may pass are told beside Lambda's.
    # https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#bp-lambda-serviceexception
    TasksAs.LAMBDA: {
        "Http.Unavailable": (
            "Http.Unavailable",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.TooManyRequestsException",
        ),
        "Http.ConnectionLost": ("Http.ConnectionLost", "Lambda.SdkClientException"),
    },
}
_QUEUES: Final = {ASKS_A_MANAGER: "ApprovalQueue", ASKS_FOR_REPAIR: "RepairQueue"}


def template(definition: Mapping[str, Json], tasks: TasksAs) -> dict[str, Json]:
    """A template for ``definition``, an order machine as ``definition.order_machine`` makes it."""
    machine = aws_definition(definition, tasks)
    services = [service for service in Service if any(_service_of(state) is service for state in _states(definition))]
    queues = [name for scheme, name in _QUEUES.items() if any(_asks(state, scheme) for state in _states(definition))]
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The order saga: charge, reserve, approve, print the label; what fails is undone in reverse.",
        "Parameters": _parameters(services, tasks),
        "Resources": {
            **{name: _queue() for name in queues},
            "OrderFulfilmentRole": _role(services, queues, tasks),
            "OrderFulfilment": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "StateMachineType": "STANDARD",
                    "RoleArn": {"Fn::GetAtt": ["OrderFulfilmentRole", "Arn"]},
                    "Definition": machine,
                    "DefinitionSubstitutions": {
                        **{name: {"Ref": name} for name in _parameters(services, tasks)},
                        **{f"{name}Url": {"Ref": name} for name in queues},
                    },
                },
            },
        },
        "Outputs": {"StateMachineArn": {"Value": {"Ref": "OrderFulfilment"}}},
    }


def aws_definition(definition: Mapping[str, Json], tasks: TasksAs) -> dict[str, Json]:
    """The machine in AWS's terms, with ``${…}`` where the template fills in addresses."""
    found = deepcopy(dict(definition))
    found["States"] = {name: _state(name, state, tasks) for name, state in found["States"].items()}
    return found


def _state(name: str, state: dict[str, Json], tasks: TasksAs) -> dict[str, Json]:
    resource = state.get("Resource", "")
    queue = next((queue for scheme, queue in _QUEUES.items() if resource.startswith(scheme)), None)
    if queue is not None:
        state["Resource"] = QUEUE_TASK
        state["Parameters"] = {"QueueUrl": f"${{{queue}Url}}", "MessageBody": state.get("Parameters", {})}
    elif resource in OPERATION_OF_RESOURCE:
        state |= _call(name, resource, tasks)
        for rule in (*state.get("Retry", ()), *state.get("Catch", ())):
            rule["ErrorEquals"] = _errors(rule["ErrorEquals"], tasks)
    return state


def _call(name: str, resource: str, tasks: TasksAs) -> dict[str, Json]:
    operation = OPERATION_OF_RESOURCE[resource]
    service, path = SERVICE_OF[operation].value.capitalize(), PATH_OF[operation]
    # Without AWS's retry count, so that each attempt has the same one.
    key = f"States.Format('{{}}:{name}', $$.Execution.Name)"
    if tasks is TasksAs.HTTP:
        return {
            "Resource": HTTP_TASK,
            "Parameters": {
                "ApiEndpoint": f"${{{service}Url}}{path}",
                "Method": "POST",
                "Authentication": {"ConnectionArn": "${ConnectionArn}"},
                "Headers": {"Idempotency-Key.$": key},
                "RequestBody.$": "$",
            },
            "ResultSelector": {"answer.$": "$.ResponseBody"},
        }
    return {
        "Resource": LAMBDA_TASK,
        "Parameters": {
            "FunctionName": f"${{{service}FunctionArn}}",
            "Payload": {"path": path, "idempotency_key.$": key, "body.$": "$"},
        },
        "ResultSelector": {"answer.$": "$.Payload"},
    }


def _errors(names: Sequence[str], tasks: TasksAs) -> list[str]:
    return [error for name in names for error in _ERRORS[tasks].get(name, (name,))]


def _states(definition: Mapping[str, Json]) -> list[dict[str, Json]]:
    return list(definition["States"].values())


def _service_of(state: dict[str, Json]) -> Service | None:
    operation = OPERATION_OF_RESOURCE.get(state.get("Resource", ""))
    return None if operation is None else SERVICE_OF[operation]


def _asks(state: dict[str, Json], scheme: str) -> bool:
    return str(state.get("Resource", "")).startswith(scheme)


def _parameters(services: Sequence[Service], tasks: TasksAs) -> dict[str, Json]:
    if tasks is TasksAs.LAMBDA:
        return {f"{service.value.capitalize()}FunctionArn": {"Type": "String"} for service in services}
    urls = {
        f"{service.value.capitalize()}Url": {"Type": "String", "AllowedPattern": "^https://.*[^/]$"}
        for service in services
    }
    connection = {"Type": "String", "Description": "An EventBridge connection that authenticates the calls."}
    secret = {"Type": "String", "Description": "The secret that EventBridge keeps for the connection."}
    return {**urls, "ConnectionArn": connection, "ConnectionSecretArn": secret}


def _queue() -> dict[str, Json]:
    """Whoever reads it answers with SendTaskSuccess or SendTaskFailure and the message's token."""
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {"MessageRetentionPeriod": 1_209_600, "SqsManagedSseEnabled": True},
    }


def _role(services: Sequence[Service], queues: Sequence[str], tasks: TasksAs) -> dict[str, Json]:
    statements = [_allow("sqs:SendMessage", [{"Fn::GetAtt": [name, "Arn"]} for name in queues])] if queues else []
    if tasks is TasksAs.LAMBDA:
        functions = [{"Ref": f"{service.value.capitalize()}FunctionArn"} for service in services]
        statements.append(_allow("lambda:InvokeFunction", functions))
    else:
        endpoints = [{"Fn::Sub": f"${{{service.value.capitalize()}Url}}/*"} for service in services]
        invoke = _allow("states:InvokeHTTPEndpoint", "*")
        invoke["Condition"] = {
            "StringEquals": {"states:HTTPMethod": "POST"},
            "StringLike": {"states:HTTPEndpoint": endpoints},
        }
        secret = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"]
        statements += [
            invoke,
            _allow("events:RetrieveConnectionCredentials", {"Ref": "ConnectionArn"}),
            _allow(secret, {"Ref": "ConnectionSecretArn"}),
        ]
    trusted = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
            "Policies": [{"PolicyName": "tasks", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}],
        },
    }


def _allow(action: Json, resource: Json) -> dict[str, Json]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}
