"""``loadtests`` shares no code with what it loads."""

import ast
import sys
from pathlib import Path

import pytest

import loadtests.workload

FOLDER = Path(loadtests.workload.__file__).parent
ALLOWED = (
    frozenset({"aiohttp", "gevent", "locust", "loadtests", "prometheus_client", "pydantic"}) | sys.stdlib_module_names
)


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0] if node.level == 0 else "loadtests")
    return names


@pytest.mark.parametrize("path", sorted(FOLDER.glob("**/*.py")), ids=lambda path: path.name)
def test_a_module_imports_only_what_a_stranger_could(path: Path) -> None:
    assert imported(path) <= ALLOWED
