"""Errors of the language, named for what the caller does next."""


class AslError(Exception):
    """Root of all errors of this package."""


class DefinitionInvalid(AslError):
    """Give up: the definition cannot be loaded; ``location`` points into it, ``code`` is AWS's.

    ``check`` lists every problem.
    """

    def __init__(self, message: str, location: str = "/", code: str = "SCHEMA_VALIDATION_FAILED") -> None:
        super().__init__(f"{location}: {message}")
        self.message = message
        self.location = location
        self.code = code


class PathSyntaxError(AslError):
    """Give up: the text is no path, or one that is not supported; the message says why."""


class PathNotFound(AslError):
    """The path names nothing in this document. ``detail`` says where it broke off, in AWS's words."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"Invalid path '{path}' : {detail}")
        self.path = path


class StatesError(AslError):
    """An error of the language: it goes to Retry and Catch, or it ends the execution. Never a bug.

    ``error`` None: a callback was ended by SendTaskFailure without a name.
    """

    def __init__(self, error: str | None, cause: str | None = None) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class PassedOn(StatesError):
    """An error that a task or a branch below ended with; its cause is its own, and no state's name is put before it."""


class QueryFailed(StatesError):
    """A JSONata expression of the field ``location`` failed, or gave what cannot stand there."""

    def __init__(self, cause: str, location: str) -> None:
        super().__init__(QUERY, cause)
        self.location = location


QUERY = "States.QueryEvaluationError"
RUNTIME = "States.Runtime"
TIMEOUT = "States.Timeout"
ALL = "States.ALL"
TASK_FAILED = "States.TaskFailed"
DATA_LIMIT = "States.DataLimitExceeded"
RESULT_PATH = "States.ResultPathMatchFailure"
INTRINSIC = "States.IntrinsicFailure"
NO_NEXT_STATE = "Failed to transition out of the state. The state does not point to a next state."
