"""``docs/anomalies.md`` says what the code says."""

from pathlib import Path

from lab.auditor import DEFINITIONS

DOC = Path(__file__).parents[3] / "docs" / "anomalies.md"


def test_the_table_of_the_docs_is_the_table_of_the_code() -> None:
    rows = {}
    for line in DOC.read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            kind, definition = (cell.strip() for cell in line.strip("| ").split("|", 1))
            rows[kind.strip("`")] = definition
    assert rows == {kind.value: definition for kind, definition in DEFINITIONS.items()}
