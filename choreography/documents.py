"""The wiring as documents, made from the reaction table and the bodies: a Mermaid diagram and an AsyncAPI 3 document.

A test compares the written files with what is made here.
"""

from pathlib import Path
from typing import Any, Final

import orjson
from pydantic.json_schema import models_json_schema

from choreography.cloud_events import CONTENT_TYPE, SPEC_VERSION, TYPE_PREFIX
from choreography.events import BODIES, VERSION, EventType
from choreography.reactions import TABLE, TOLD_BY_DOOR, TOLD_BY_WATCH, Reaction, hears, is_compensation, tells
from services.operations import Service

ASYNCAPI_FILE: Final = "choreography.asyncapi.json"
DIAGRAM_FILE: Final = "choreography.mmd"
_SCHEMA_REF: Final = "#/components/schemas/{model}"


def write_documents(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    texts = {folder / ASYNCAPI_FILE: asyncapi_text(), folder / DIAGRAM_FILE: diagram_text()}
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)


# --- Mermaid ----------------------------------------------------------------------------------------------


def diagram_text() -> str:
    """Events are boxes, operations rounded; dotted arrows undo."""
    lines = ["flowchart TD"]
    lines += [f"  {type_}[{type_}]" for type_ in EventType if type_ is not EventType.ATTEMPT_FAILED]
    lines += [f"  door([front door]) --> {type_}" for type_ in TOLD_BY_DOOR]
    lines += [f"  watch([deadline watch]) --> {type_}" for type_ in TOLD_BY_WATCH]
    for row in TABLE:
        lines += _arrows(row)
    lines += ["  classDef undo stroke-dasharray: 4 3"]
    undo = sorted({_node(row) for row in TABLE if is_compensation(row)})
    lines += [f"  class {','.join(undo)} undo"]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def _node(row: Reaction) -> str:
    return f"{row.service}_{row.operation or 'ask'}"


def _arrows(row: Reaction) -> list[str]:
    node = _node(row)
    arrow = "-.->" if is_compensation(row) else "-->"
    condition = f"|{row.when}|" if row.when else ""
    label = f"{row.service}: {row.operation or 'ask for approval'}".replace("_", " ")
    told = [type_ for type_ in (row.done, row.failed) if type_ is not None]
    return [f"  {row.on} {arrow}{condition} {node}({label})", *(f"  {node} {arrow} {type_}" for type_ in told)]


# --- AsyncAPI ---------------------------------------------------------------------------------------------


def asyncapi_text() -> str:
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(asyncapi(), option=options).decode()


def asyncapi() -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Saga Lab: choreography",
            "version": str(VERSION),
            "description": "Every event of the lane that works by choreography, who tells it and who reacts to it.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {str(type_): _channel(type_) for type_ in EventType},
        "operations": _operations(),
        "components": {
            "messages": {str(type_): _message(type_) for type_ in EventType},
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
            "schemas": _schemas(),
        },
    }


def _channel(type_: EventType) -> dict[str, Any]:
    return {
        "address": f"orders.{{orderId}}.{type_}",
        "parameters": {"orderId": {"description": "The order that the event is about."}},
        "messages": {str(type_): {"$ref": f"#/components/messages/{type_}"}},
    }


def _message(type_: EventType) -> dict[str, Any]:
    model = BODIES[type_]
    return {
        "name": f"{TYPE_PREFIX}{type_}.v{VERSION}",
        "title": str(type_),
        "summary": (model.__doc__ or "").strip().splitlines()[0],
        "contentType": CONTENT_TYPE,
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": _SCHEMA_REF.format(model=model.__name__)},
    }


def _operations() -> dict[str, Any]:
    senders: dict[str, tuple[EventType, ...]] = {
        "door": TOLD_BY_DOOR,
        **{str(name): (*tells(name), EventType.ATTEMPT_FAILED) for name in Service},
        "watch": TOLD_BY_WATCH,
    }
    operations = {
        f"{who}Tells{type_}": {"action": "send", "channel": {"$ref": f"#/channels/{type_}"}}
        for who, types in senders.items()
        for type_ in types
    }
    for name in Service:
        for type_ in hears(name):
            rows = [row for row in TABLE if row.service is name and row.on is type_]
            operations[f"{name}Hears{type_}"] = {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{type_}"},
                "summary": "; ".join(map(_sentence, rows)),
            }
    return operations


def _sentence(row: Reaction) -> str:
    told = " or ".join(str(type_) for type_ in (row.done, row.failed) if type_ is not None)
    condition = f"on {row.when}: " if row.when else ""
    return f"{condition}{row.operation or 'ask for approval'}, then {told}"


def _headers() -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    return {
        "type": "object",
        "required": ["ce-id", "ce-source", "ce-specversion", "ce-type"],
        "properties": {
            "ce-id": {**text, "description": "<order>:<EventType>; the same event always has the same id."},
            "ce-source": {**text, "format": "uri-reference"},
            "ce-specversion": {**text, "const": SPEC_VERSION},
            "ce-type": text,
            "ce-time": {**text, "format": "date-time"},
            "ce-subject": {**text, "description": "The order."},
            "ce-dataschema": {**text, "format": "uri"},
            "ce-correlationid": {**text, "description": "The order."},
            "ce-causationid": {**text, "description": "The id of the event that caused this one."},
            "ce-traceparent": {
                **text,
                "description": "W3C trace context: one trace an order; the span of the handling that told this event.",
            },
            "content-type": {**text, "const": CONTENT_TYPE},
        },
    }


def _schemas() -> dict[str, Any]:
    models = [(model, "serialization") for model in dict.fromkeys(BODIES.values())]
    _, document = models_json_schema(models, ref_template=_SCHEMA_REF)  # type: ignore[arg-type]  # list is invariant
    schemas: dict[str, Any] = document["$defs"]
    return schemas
