"""Each change of ``lab/changes`` in a copy of this tree: its tests pass on real parts, and what is said of it holds."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from choreography.cloud_events import heading_of
from choreography.errors import Malformed
from choreography.reactions import TABLE
from lab.changes.catalogue import Change, changes, load
from lab.changes.trees import apply, copy_tree
from lab.topology import LANES
from services.operations import Service
from tests.changes import choreography_in_flight, orchestration_in_flight

pytestmark = [
    pytest.mark.more,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("git") is None, reason="NO GIT: patches are applied by it"),
]

# What must still hold of both wirings, whatever the change.
ALWAYS = ("tests/unit/choreography", "tests/properties/choreography", "tests/unit/asl/test_order_machine.py")
ROWS = """
import json
from choreography.reactions import TABLE
from services.operations import Service
print(json.dumps({service: [repr(row) for row in TABLE if row.service == service] for service in Service}))
"""


@pytest.fixture(scope="module", params=changes(), ids=lambda change: change.name)
def change(request: pytest.FixtureRequest) -> Change:
    found: Change = request.param
    return found


@pytest.fixture(scope="module")
def tree(change: Change, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This tree with every part of the change applied, and what is made from the code made again."""
    folder = tmp_path_factory.mktemp(change.name) / "tree"
    folder.mkdir()
    copy_tree(folder)
    for part in change.parts:
        apply(folder, change.patch_file(part))
    python(folder, "-m", "choreography", "documents", "docs")
    return folder


def python(folder: Path, *arguments: str) -> str:
    """Run in a tree, on that tree's code."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def test_the_tests_of_the_change_and_those_that_always_hold_pass(change: Change, tree: Path) -> None:
    files = {file.path for part in change.parts for file in change.files(part) if "/test_" in file.path}
    assert any("integration" in each for each in files)
    assert any("e2e" in each for each in files)
    said = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", *ALWAYS, *sorted(files))
    assert "skipped" not in said, said


@pytest.mark.parametrize("lane", LANES)
def test_orders_under_way_end_as_the_account_says(change: Change, tree: Path, lane: str, tmp_path: Path) -> None:
    module: Any = {"choreography": choreography_in_flight, "orchestration": orchestration_in_flight}[lane]
    file = str(tmp_path / "before")
    module.main("before", file)
    assert json.loads(python(tree, "-m", module.__name__, "after", file)) == change.wirings[lane].ends


def test_without_the_state_for_those_under_way_an_order_at_release_ends_unrefunded(tmp_path: Path) -> None:
    tree, file = tmp_path / "tree", str(tmp_path / "before")
    tree.mkdir()
    copy_tree(tree)
    apply(tree, load("refund-first").patch_file("orchestration"))
    path = tree / "orchestration" / "order_fulfilment.asl.json"
    definition = json.loads(path.read_text(encoding="utf-8"))
    definition["States"]["Release"]["Next"] = definition["States"].pop("IsRefunded")["Choices"][0]["Next"]
    path.write_text(json.dumps(definition), encoding="utf-8")
    orchestration_in_flight.main("before", file)
    ends = json.loads(python(tree, "-m", orchestration_in_flight.__name__, "after", file))
    assert list(ends) == ["Release"]
    assert ends["Release"].startswith("wrong books")


def test_the_services_to_be_deployed_are_those_with_other_rows(change: Change, tree: Path) -> None:
    old: dict[str, list[str]] = {
        service.value: [repr(row) for row in TABLE if row.service is service] for service in Service
    }
    new: dict[str, list[str]] = json.loads(python(tree, "-c", ROWS))
    changed = {service for service, rows in new.items() if rows != old.get(service, [])}
    assert changed == set(change.wirings["choreography"].must) - {"watch"}


def test_who_reads_every_event_must_know_the_new_ones(change: Change) -> None:
    """Why the watch is deployed again: it parks what is none of ours."""
    patch = change.patch_file("choreography").read_text(encoding="utf-8")
    new = re.findall(r'^\+    [A-Z_]+ = "(\w+)"', patch, re.MULTILINE)
    assert bool(new) == (change.new_service is not None)
    for type_ in new:
        with pytest.raises(Malformed, match="no event type"):
            heading_of(f"orders.o-1.{type_}")


def test_the_conductor_alone_learns_of_the_new_machine(change: Change) -> None:
    paths = {file.path for file in change.files("orchestration")}
    assert "orchestration/order_fulfilment.asl.json" in paths
    assert ("orchestration/conductor_setup.py" in paths) == (change.new_service is not None)
    assert set(change.wirings["orchestration"].must) - {change.new_service} == {"conductor"}
