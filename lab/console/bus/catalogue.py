"""The event catalogue, as the AsyncAPI document made from the code has it. Pure."""

from dataclasses import dataclass
from typing import Any

from choreography.documents import asyncapi


@dataclass(frozen=True)
class Entry:
    """One event type: who tells it, who reacts and how, and the schema of its body."""

    type: str
    summary: str
    address: str
    told_by: tuple[str, ...]
    heard_by: tuple[tuple[str, str], ...]  # service, what it does
    schema: dict[str, Any]


def catalogue() -> tuple[Entry, ...]:
    document = asyncapi()
    return tuple(_entry(document, name, channel) for name, channel in document["channels"].items())


def _entry(document: dict[str, Any], name: str, channel: dict[str, Any]) -> Entry:
    message = document["components"]["messages"][name]
    told: list[str] = []
    reactions: list[tuple[str, str]] = []
    for operation, content in document["operations"].items():
        if content["channel"]["$ref"] != f"#/channels/{name}":
            continue
        if content["action"] == "send":
            told.append(operation.removesuffix(f"Tells{name}"))
        else:
            reactions.append((operation.removesuffix(f"Hears{name}"), content["summary"]))
    return Entry(
        type=name,
        summary=message["summary"],
        address=channel["address"],
        told_by=tuple(told),
        heard_by=tuple(reactions),
        schema=_schema(document, message["payload"]["$ref"]),
    )


def _schema(document: dict[str, Any], reference: str) -> dict[str, Any]:
    """The body's schema with what it refers to beside it, so that it stands alone."""
    schemas: dict[str, dict[str, Any]] = document["components"]["schemas"]
    name = reference.rpartition("/")[2]
    needed = [name]
    for each in needed:  # grows as it is walked
        needed += [found for found in _references(schemas[each]) if found not in needed]
    beside = {each: schemas[each] for each in needed[1:]}
    return {**schemas[name], "components": {"schemas": beside}} if beside else schemas[name]


def _references(value: Any) -> list[str]:
    match value:
        case dict():
            own = [value["$ref"].rpartition("/")[2]] if isinstance(value.get("$ref"), str) else []
            return own + [name for each in value.values() for name in _references(each)]
        case list():
            return [name for each in value for name in _references(each)]
        case _:
            return []
