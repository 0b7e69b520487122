"""Logging, tracing and encryption settings of a machine: checked, kept, and told with AWS's defaults. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from orchestration.api.errors import ApiError

Settings = dict[str, Any]

OFF: Final = "OFF"
AWS_OWNED: Final = "AWS_OWNED_KEY"
CUSTOMER_MANAGED: Final = "CUSTOMER_MANAGED_KMS_KEY"


def logging_of(given: Mapping[str, Any] | None) -> Settings:
    """Raises ``ApiError`` InvalidLoggingConfiguration."""
    given = given or {}
    destinations = given.get("destinations") or []
    if (given.get("level", OFF) != OFF and len(destinations) != 1) or len(destinations) > 1:
        raise ApiError(
            "InvalidLoggingConfiguration",
            "Invalid Logging Configuration: Must specify exactly one Log Destination.",
        )
    for destination in destinations:
        group = destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
        if not (group.startswith("arn:") and ":logs:" in group and group.endswith(":*")):
            raise ApiError(
                "InvalidLoggingConfiguration", "Invalid Logging Configuration: Log Destination is not valid."
            )
    told = {"level": given.get("level", OFF), "includeExecutionData": given.get("includeExecutionData", False)}
    return {**told, "destinations": destinations} if destinations else told


def tracing_of(given: Mapping[str, Any] | None) -> Settings:
    return {"enabled": bool((given or {}).get("enabled", False))}


def encryption_of(given: Mapping[str, Any] | None) -> Settings:
    """Kept as it is given; nothing here encrypts. Raises ``ApiError`` InvalidEncryptionConfiguration."""
    given = dict(given or {"type": AWS_OWNED})
    key = given.get("kmsKeyId")
    if given["type"] == CUSTOMER_MANAGED and not key:
        raise ApiError("InvalidEncryptionConfiguration", "Invalid Encryption Configuration: kmsKeyId is required")
    if given["type"] == AWS_OWNED and (key or "kmsDataKeyReusePeriodSeconds" in given):
        raise ApiError(
            "InvalidEncryptionConfiguration",
            f"Invalid Encryption Configuration: a key cannot be set when type is {AWS_OWNED}",
        )
    if given["type"] == CUSTOMER_MANAGED:
        given.setdefault("kmsDataKeyReusePeriodSeconds", 300)
    return given
