"""The saga that is measured: charge, reserve, ship; what the carrier refuses is released and refunded."""

from typing import Any, Final

FAIL_EVERY: Final = 10  # every tenth order is refused at /ship, and undone


def definition() -> dict[str, Any]:
    """In the language's own terms; ``http://<service>/<path>`` is this conductor's plain call of a service."""
    return {
        "StartAt": "Charge",
        "States": {
            "Charge": _call("payment", "charge", "Reserve"),
            "Reserve": _call("warehouse", "reserve", "Ship"),
            "Ship": {
                **_call("shipping", "ship", "Shipped"),
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Release"}],
            },
            "Shipped": {"Type": "Succeed"},
            "Release": {**_call("warehouse", "release", "Refund"), "Comment": "undo of Reserve"},
            "Refund": {**_call("payment", "refund", "Undone"), "Comment": "undo of Charge"},
            "Undone": {"Type": "Fail", "ErrorPath": "$.failure.Error", "Cause": "everything was undone"},
        },
    }


def _call(service: str, path: str, following: str) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"http://{service}/{path}", "ResultPath": None, "Next": following}


def orders(count: int, run: str) -> list[dict[str, Any]]:
    return [{"order": f"{run}-{n}", "fail": n % FAIL_EVERY == FAIL_EVERY - 1} for n in range(count)]


def expected_status(order: dict[str, Any]) -> str:
    return "FAILED" if order["fail"] else "SUCCEEDED"


def expected_counts(count: int) -> dict[str, dict[str, int]]:
    """What the services must have seen of so many orders: each effect once."""
    undone = count // FAIL_EVERY
    calls = {"charge": count, "reserve": count, "ship": count, "release": undone, "refund": undone}
    return {name: {"calls": n, "refused": undone if name == "ship" else 0, "orders": n} for name, n in calls.items()}
