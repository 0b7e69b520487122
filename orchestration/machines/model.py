"""What stands in the stream ``MACHINES``: one head for each machine's name, and its revisions. Pure.

A revision never changes; the head says which one is current, and which versions and aliases name which. A deleted
machine keeps its head, marked, so that compare-and-set goes on holding; its executions go on from their revision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from orchestration.asl.protocol import Json
from orchestration.errors import Unreadable

STANDARD: Final = "STANDARD"
EXPRESS: Final = "EXPRESS"
# What AWS calls the revision that a machine is created with.
INITIAL: Final = "INITIAL"


def reference(name: str, revision: str) -> str:
    """What ``runtime.machines.Machines`` loads; neither part may hold ``@`` after the name's last one."""
    return f"{name}@{revision}" if revision else name


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The part of a machine that UpdateStateMachine replaces. ``id`` is unique, even among machines of one name.

    ``shown`` is the revisionId that the API tells: none for the revision that a machine is created with.
    """

    id: str
    definition: str
    role_arn: str
    created_at: float
    shown: str = ""
    logging: Mapping[str, Json] = field(default_factory=dict)
    tracing: Mapping[str, Json] = field(default_factory=dict)
    encryption: Mapping[str, Json] = field(default_factory=dict)

    def same_as(self, other: "Revision") -> bool:
        """Whether both say the same, whenever and under whatever id."""
        return replace(self, id="", created_at=0.0, shown="") == replace(other, id="", created_at=0.0, shown="")

    def encode(self) -> bytes:
        return orjson.dumps(self)


@dataclass(frozen=True)
class Version:
    number: int
    revision: str
    created_at: float
    description: str | None = None


@dataclass(frozen=True)
class Route:
    version: int
    weight: int


@dataclass(frozen=True)
class Alias:
    name: str
    routes: tuple[Route, ...]
    created_at: float
    updated_at: float
    description: str | None = None


@dataclass(frozen=True, kw_only=True)
class Head:
    """``versions`` and ``aliases`` in the order of their making. ``revision`` is the current one's id.

    ``birth`` is what the request that created the machine wanted to be published: a repeated one must want the same.
    """

    name: str
    type: str
    revision: str
    created_at: float
    updated_at: float
    versions: tuple[Version, ...] = ()
    next_version: int = 1
    aliases: tuple[Alias, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    birth: Mapping[str, Json] = field(default_factory=dict)
    deleted: bool = False

    def version(self, number: int) -> Version | None:
        return next((version for version in self.versions if version.number == number), None)

    def alias(self, name: str) -> Alias | None:
        return next((alias for alias in self.aliases if alias.name == name), None)

    def encode(self) -> bytes:
        return orjson.dumps(self)


def decode_revision(body: bytes) -> Revision:
    try:
        return Revision(**orjson.loads(body))
    except (TypeError, orjson.JSONDecodeError) as error:
        raise Unreadable(f"no revision of a machine: {error}") from error


def decode_head(body: bytes) -> Head:
    try:
        fields: dict[str, Any] = orjson.loads(body)
        versions = tuple(Version(**version) for version in fields.pop("versions"))
        aliases = tuple(_alias(alias) for alias in fields.pop("aliases"))
        return Head(**fields, versions=versions, aliases=aliases)
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as error:
        raise Unreadable(f"no head of a machine: {error}") from error


def _alias(fields: dict[str, Any]) -> Alias:
    return Alias(**{**fields, "routes": tuple(Route(**route) for route in fields["routes"])})
