"""The one error of the API: AWS's name of it, AWS's words, and the HTTP status that goes with them."""

from typing import Any, Final

BAD_REQUEST: Final = 400
CONFLICT: Final = 409
FORBIDDEN: Final = 403
TOO_LARGE: Final = 413
UNAVAILABLE: Final = 503

# The few that AWS answers with another status than 400.
_STATUS: Final = {
    "AccessDeniedException": FORBIDDEN,
    "ConflictException": CONFLICT,
    "RequestEntityTooLargeException": TOO_LARGE,
    "ServiceUnavailableException": UNAVAILABLE,
    "ServiceQuotaExceededException": 402,
}


class ApiError(Exception):
    """Answer the request with this error. ``extra`` are further members of the error's shape."""

    def __init__(self, code: str, message: str, status: int | None = None, **extra: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = _STATUS.get(code, BAD_REQUEST) if status is None else status
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {"__type": self.code, "message": self.message, **self.extra}


def validation(message: str, reason: str = "") -> ApiError:
    """``reason`` is one of ``ValidationExceptionReason``."""
    extra: dict[str, Any] = {"reason": reason} if reason else {}
    return ApiError("ValidationException", message, **extra)


def invalid_arn(why: str) -> ApiError:
    return ApiError("InvalidArn", f"Invalid Arn: '{why}'")


def invalid_name(name: str) -> ApiError:
    return ApiError("InvalidName", f"Invalid Name: '{name}'")


def no_such_machine(arn: str) -> ApiError:
    return ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")


def no_such_resource(arn: str, message: str = "Request references a resource that does not exist.") -> ApiError:
    return ApiError("ResourceNotFound", message, resourceName=arn)
