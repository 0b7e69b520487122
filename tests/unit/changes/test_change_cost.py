"""The patches of ``lab/changes``: what is counted from them, that they apply, and that the account is current."""

import shutil
import tomllib
from pathlib import Path

import pytest

from lab.changes import table
from lab.changes.catalogue import SERVICES, Change, changes, load
from lab.changes.loading import ENTRIES, closure, loaded_by, module_of
from lab.changes.patches import Size, Touched, size, touched
from lab.changes.trees import ROOT, DoesNotApply, apply
from lab.errors import BadInput
from lab.topology import LANES

CHANGES = changes()
DOC = ROOT / "docs" / "change-cost.md"
PATCH = """\
diff --git a/services/rules.py b/services/rules.py
--- a/services/rules.py
+++ b/services/rules.py
@@ -1,3 +1,4 @@
 one
-two
+deux
+--- three
 four
diff --git a/tests/new.py b/tests/new.py
new file mode 100644
--- /dev/null
+++ b/tests/new.py
@@ -0,0 +1,1 @@
+diff --git is only text here
"""


def test_a_patch_is_counted_by_file_and_line() -> None:
    found = touched(PATCH)
    assert found == (Touched("services/rules.py", 2, 1), Touched("tests/new.py", 1, 0, new=True))
    assert size(found) == Size(2, 3, 1)
    assert touched("") == ()


@pytest.mark.skipif(shutil.which("git") is None, reason="NO GIT: patches are applied by it")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_every_patch_applies_to_the_code_of_today(change: Change, tmp_path: Path) -> None:
    """Together too: services, then one wiring, then the other. If it fails: lab/changes/README.md."""
    paths = {file.path for part in change.parts for file in change.files(part) if not file.new}
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    wirings = [part for part in change.parts if part != SERVICES]
    if SERVICES in change.parts:
        apply(tmp_path, change.patch_file(SERVICES))
    for part in wirings:
        apply(tmp_path, change.patch_file(part), "--check")
    for part in wirings:
        apply(tmp_path, change.patch_file(part))
    with pytest.raises(DoesNotApply, match="does not apply"):
        apply(tmp_path, change.patch_file(wirings[0]))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_wiring_s_patch_stays_within_its_wiring(change: Change) -> None:
    for lane in LANES:
        others = {"services", *(other for other in LANES if other != lane)}
        assert not others & {file.path.partition("/")[0] for file in change.files(lane)}
        assert any(file.new and file.path.startswith("tests/") for file in change.files(lane)), "each has its tests"


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_who_must_be_deployed_exists_and_loads_what_was_changed(change: Change) -> None:
    for lane in LANES:
        wiring = change.wirings[lane]
        paths = frozenset(file.path for part in change.parts if part in (SERVICES, lane) for file in change.files(part))
        loading = {*loaded_by(ROOT, lane, paths), change.new_service}
        assert {*wiring.must, *wiring.tells} <= loading
        assert not set(wiring.must) & set(wiring.tells)


def test_the_account_holds_the_tables_of_today(tmp_path: Path) -> None:
    text = DOC.read_text(encoding="utf-8")
    assert table.markdown(CHANGES, ROOT) in text, "run: lab change-cost --markdown docs/change-cost.md"


def test_three_changes_and_no_other_name() -> None:
    assert [change.name for change in CHANGES] == ["fraud-check", "notify-on-shipment", "refund-first"]
    with pytest.raises(BadInput, match="there are: fraud-check"):
        load("no-such")


def test_the_patches_are_packaged() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "*.patch" in content["tool"]["setuptools"]["package-data"]["*"]


def test_what_a_process_loads_follows_the_imports(tmp_path: Path) -> None:
    for path, text in {
        "services/__init__.py": "",
        "services/a.py": "if TYPE_CHECKING:\n    import services.d\nelse:\n    import os, services.b\n",
        "services/b.py": "def late():\n    from services import c\n",
        "services/c.py": "",
        "services/d.py": "",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert closure(tmp_path, "services.a") == {"services", "services.a", "services.b", "services.c"}


def test_the_wiring_is_loaded_by_whom_it_should() -> None:
    assert module_of("services/ledger/__init__.py") == "services.ledger"
    machine = frozenset({"orchestration/order_fulfilment.asl.json"})
    assert loaded_by(ROOT, "orchestration", machine) == ("door", "conductor", "tracer")
    assert loaded_by(ROOT, "choreography", frozenset({"choreography/reactions.py"})) == tuple(ENTRIES["choreography"])
    assert loaded_by(ROOT, "choreography", frozenset({"choreography/tracer.py"})) == ("tracer",)
