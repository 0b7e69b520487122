"""A Task's Resource: which service does it, when it is done, and which history events tell of it.

Must not know how a service is called; any text is a resource here, and the worker's registry refuses what it lacks.
"""

from typing import Final

from orchestration.asl.machine import Pattern, Resource, TaskKind

DEFAULT_REGION: Final = "us-east-1"


def parse_resource(text: str) -> Resource:
    """Of ``arn:aws:states:::sqs:sendMessage.waitForTaskToken``, ``http://payment/charges``, ``approval:ask`` …"""
    pattern = Pattern.ANSWER
    if text.endswith(".waitForTaskToken"):
        pattern = Pattern.CALLBACK
    elif text.endswith((".sync", ".sync:2")):
        pattern = Pattern.JOB
    parts = text.split(":")
    if parts[:2] != ["arn", "aws"] or len(parts) < 7:
        service, _, action = text.partition(":")
        return Resource(text, TaskKind.TASK, pattern, service, action.removeprefix("//") or text, None)
    if parts[2] == "lambda":
        return Resource(text, TaskKind.LAMBDA, Pattern.ANSWER, "lambda", "invoke", None)
    if parts[5] == "activity":
        return Resource(text, TaskKind.ACTIVITY, Pattern.CALLBACK, "activity", text, None)
    region = parts[3] or DEFAULT_REGION
    head = 7 if parts[5] == "aws-sdk" else 6  # arn:aws:states:::aws-sdk:dynamodb:putItem
    return Resource(text, TaskKind.TASK, pattern, ":".join(parts[5:head]), ":".join(parts[head:]), region)
