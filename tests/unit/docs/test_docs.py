"""The documents speak of files, functions, commands and pages that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
ROOMS = ("services", "broker", "choreography", "orchestration", "lab", "loadtests")


def names_of(path: Path) -> set[str]:
    """Every function, method and class of a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)}


def all_names() -> set[str]:
    names: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            names |= names_of(path)
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(
        r"`((?:services|broker|choreography|orchestration|lab|loadtests|tests|docs)/[\w./-]*)`", page.read_text()
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_function_on_the_order_s_way_exists() -> None:
    text = (ROOT / "docs" / "follow-an-order.md").read_text()
    words = set(re.findall(r"`([a-zA-Z_]+)`", text))
    functions = {word for word in words if "_" in word or word in {"place", "publish", "parse", "decide", "append"}}
    known = all_names()
    operations = {"print_label", "void_label"}
    assert sorted(functions - known - operations) == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z-]+)", page.read_text()))
        assert named <= targets, page
