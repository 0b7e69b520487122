"""Describing by hand what is read by hand, so that each OpenAPI document tells every body and every status."""

from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.bodies import ErrorBody

REF: Final = "#/components/schemas/{model}"

DESCRIPTIONS: Final = {
    400: "The request cannot be read.",
    403: "Only from this machine, or with the admin token.",
    404: "There is no such thing.",
    409: "A refusal, or a contradiction to what was said before.",
    410: "It is too late for it.",
    413: "The body is too large.",
    415: "The body must be application/json.",
    422: "It can be read, and is wrong: each problem with its path.",
    503: "Nothing was done or made durable: send the same again.",
}


def error_docs(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For ``responses=``: these statuses answer with an ``ErrorBody``."""
    return {status: {"model": ErrorBody, "description": DESCRIPTIONS[status]} for status in statuses}


def ref_to(model: type[BaseModel]) -> dict[str, str]:
    """A reference to a model that ``add_schemas`` puts into the document."""
    return {"$ref": REF.format(model=model.__name__)}


def add_schemas(app: FastAPI, *models: type[BaseModel]) -> None:
    """Put models into the document that no parameter mentions. Call it after the last route."""
    generate = app.openapi

    def with_schemas() -> dict[str, Any]:
        document = generate()
        _, found = models_json_schema([(model, "validation") for model in models], ref_template=REF)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in found.get("$defs", {}).items():
            schemas.setdefault(name, schema)
        return document

    app.openapi = with_schemas  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
