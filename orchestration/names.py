"""Amazon resource names, and the subject token of an execution. Pure.

A token is one part of a NATS subject, so it may hold neither dots, blanks nor wildcards; AWS's names may hold dots. The
tilde, which no AWS name may hold, escapes them, and doubled it separates machine from execution.
"""

import re
from typing import Final, NamedTuple

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
# The executions of the lab's own machine are named by the order's id alone: their subjects stay short.
OWN_MACHINE: Final = "order_fulfilment"
MAX_NAME_CHARS: Final = 80

SEPARATOR: Final = "~~"  # an escape holds one tilde, and never ends with one
_PLAIN: Final = re.compile(r"[A-Za-z0-9_=+@!-]*")
_MAP_RUN_MARK: Final = "~run~"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_=+@!~-]{1,1000}")
_PREFIX: Final = f"arn:aws:states:{REGION}:{ACCOUNT}"


class ExecutionName(NamedTuple):
    """``run`` tells Express executions of one name apart; ``label`` is that of the distributed Map of a child."""

    machine: str
    name: str
    run: str = ""
    label: str = ""

    @property
    def arn(self) -> str:
        if self.run:
            return f"{_PREFIX}:express:{self.machine}:{self.name}:{self.run}"
        machine = f"{self.machine}/{self.label}" if self.label else self.machine
        return f"{_PREFIX}:execution:{machine}:{self.name}"

    @property
    def token(self) -> str:
        """The execution in subjects: unique among all executions, Express ones by their ``run``."""
        if self.machine == OWN_MACHINE and not (self.run or self.label):
            return escaped(self.name)
        parts = (self.machine, self.name, self.run, self.label)
        return SEPARATOR.join(map(escaped, parts)).rstrip("~")


def is_item(token: str) -> bool:
    """Whether it is the token of a map run's child."""
    return token.count(SEPARATOR) == 3  # of machine, name, run and label: only then there is a label


def is_token(text: str) -> bool:
    """Whether it can be an execution's token: then it is one part of a subject."""
    return _TOKEN.fullmatch(text) is not None


def escaped(name: str) -> str:
    """``name`` as a part of a subject: ``~2E-`` for a dot. Injective."""
    if _PLAIN.fullmatch(name):
        return name
    return "".join(c if _PLAIN.fullmatch(c) else f"~{ord(c):X}-" for c in name)


def machine_arn(name: str, qualifier: str = "") -> str:
    """``qualifier``: a version's number or an alias; empty: the machine as it is."""
    return f"{_PREFIX}:stateMachine:{name}" + (f":{qualifier}" if qualifier else "")


def activity_arn(name: str) -> str:
    return f"{_PREFIX}:activity:{name}"


def map_run_arn(machine: str, label: str, run: str) -> str:
    return f"{_PREFIX}:mapRun:{machine}/{label}:{run}"


class MapRunName(NamedTuple):
    """``machine`` is that of the execution that started it, ``run`` a UUID."""

    machine: str
    label: str
    run: str

    @property
    def arn(self) -> str:
        return map_run_arn(*self)

    @property
    def token(self) -> str:
        """The map run in subjects. No execution's token begins with its mark: an escape there is in capitals."""
        return f"{_MAP_RUN_MARK}{SEPARATOR.join(map(escaped, self))}"


def is_map_run(token: str) -> bool:
    return token.startswith(_MAP_RUN_MARK)


def map_run_of_arn(arn: str) -> MapRunName | None:
    """The map run that an ARN names; None: it is no map run's ARN, or one of another account or region."""
    head, _, rest = arn.partition(f"{_PREFIX}:")
    match rest.split(":") if not head and rest else []:
        case ["mapRun", machine, run] if "/" in machine:
            machine, _, label = machine.partition("/")
            return MapRunName(machine, label, run)
        case _:
            return None


def execution_of_arn(arn: str) -> ExecutionName | None:
    """The execution that an ARN names; None: it is no execution's ARN, or one of another account or region."""
    head, _, rest = arn.partition(f"{_PREFIX}:")
    match rest.split(":") if not head and rest else []:
        case ["execution", machine, name]:
            machine, _, label = machine.partition("/")
            return ExecutionName(machine, name, "", label)
        case ["express", machine, name, run]:
            return ExecutionName(machine, name, run)
        case _:
            return None


def qualifier(version: str = "", alias: str = "") -> str:
    """Which version was started, and by which alias, as ``records.Start.qualifier`` holds it: ``3``, ``PROD:3``."""
    return f"{alias}:{version}" if alias else version


def version_and_alias(qualifier: str) -> tuple[str, str]:
    """Of a ``qualifier``; empty for what it does not name."""
    alias, _, version = qualifier.rpartition(":")
    return version, alias
