"""Amazon resource names as clients send them. Pure."""

from dataclasses import dataclass
from typing import Final

from orchestration.api.errors import invalid_arn, no_such_machine, validation
from orchestration.names import MAX_NAME_CHARS, machine_arn

LABELED: Final = "API_DOES_NOT_SUPPORT_LABELED_ARNS"
# What AWS forbids in names, beside white space and control characters.
_FORBIDDEN: Final = frozenset('<>{}[]?*"#%\\^|~`$&,;:/')


@dataclass(frozen=True)
class MachineName:
    """``qualifier`` is a version's number or an alias; ``label`` that of a distributed Map; ``test_case`` a mock's."""

    name: str
    qualifier: str = ""
    label: str = ""
    test_case: str = ""

    @property
    def version(self) -> int | None:
        return int(self.qualifier) if self.qualifier.isdecimal() and self.qualifier.isascii() else None

    @property
    def arn(self) -> str:
        """Without the test case."""
        return machine_arn(f"{self.name}/{self.label}" if self.label else self.name, self.qualifier)


def resource_of(arn: str, *kinds: str) -> list[str]:
    """The resource's kind and the parts after it. Raises ``ApiError`` InvalidArn where it is none of ``kinds``."""
    parts = arn.split(":")
    if parts[0] != "arn" or len(parts) < 6 or not parts[1].startswith("aws"):
        raise invalid_arn(f"Invalid ARN prefix: {arn}")
    if parts[2] != "states":
        raise invalid_arn(f"Invalid service prefix: {parts[2]}")
    _, *names = rest = parts[5:]
    if not names or not all(names):
        raise invalid_arn(f"Invalid ARN: {arn}")
    if rest[0] not in kinds:
        raise invalid_arn(f"Resource type not valid in this context: {rest[0]}")
    return rest


def parse_machine(arn: str) -> MachineName:
    """Raises ``ApiError``: InvalidArn, or StateMachineDoesNotExist for another account's or region's."""
    plain, _, test_case = arn.partition("#")
    _, name, *qualifier = resource_of(plain, "stateMachine")
    if len(qualifier) > 1:
        raise invalid_arn(f"Invalid ARN: {arn}")
    name, _, label = name.partition("/")
    found = MachineName(name, "".join(qualifier), label, test_case)
    if found.arn != plain:
        raise no_such_machine(arn)
    return found


def unlabeled_machine(arn: str) -> MachineName:
    """Also refuses the ARN of a distributed Map in a machine."""
    found = parse_machine(arn)
    if found.label:
        raise validation(f"This API does not support a labeled state machine ARN: '{arn}'", LABELED)
    return found


def plain_machine(arn: str) -> MachineName:
    """Also refuses a version's and an alias's."""
    found = unlabeled_machine(arn)
    if found.qualifier:
        raise validation(f"This API does not support a qualified state machine ARN: '{arn}'")
    return found


def is_name(text: str) -> bool:
    """Whether a machine, an execution or an activity may be named so."""
    return 1 <= len(text) <= MAX_NAME_CHARS and not any(map(_banned, text))


def _banned(character: str) -> bool:
    code = ord(character)
    control = code < 0x20 or 0x7F <= code <= 0x9F
    return (
        control or character in _FORBIDDEN or character.isspace() or 0xD800 <= code <= 0xDFFF or code & 0xFFFE == 0xFFFE
    )
