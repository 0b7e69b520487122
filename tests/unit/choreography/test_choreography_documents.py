"""The documents in ``docs/`` are those that the code makes now."""

from pathlib import Path

import pytest

from choreography.documents import ASYNCAPI_FILE, DIAGRAM_FILE, asyncapi, asyncapi_text, diagram_text
from choreography.events import EventType
from choreography.reactions import TABLE

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(("name", "text"), [(ASYNCAPI_FILE, asyncapi_text()), (DIAGRAM_FILE, diagram_text())])
def test_the_written_documents_are_current(name: str, text: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == text, "write it again: python -m choreography documents"


def test_the_diagram_shows_every_event_and_row() -> None:
    diagram = diagram_text()
    assert all(f"[{type_}]" in diagram for type_ in EventType if type_ is not EventType.ATTEMPT_FAILED)
    assert all(f"  {row.on} " in diagram for row in TABLE)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [ref for value in node.values() for ref in references(value)]
        return [ref for value in node for ref in references(value)] if isinstance(node, list) else []

    for reference in references(document):
        target: object = document
        for step in reference.removeprefix("#/").split("/"):
            assert isinstance(target, dict)
            assert step in target, reference
            target = target[step]
