"""What the import statements say that a process loads is at least what it really loads."""

import json
import subprocess
import sys

import pytest

from lab.changes.loading import ENTRIES, PACKAGES, closure
from lab.changes.trees import ROOT

pytestmark = pytest.mark.more

LOADED = "import json, sys, {entry}; print(json.dumps(sorted(sys.modules)))"


@pytest.mark.parametrize("entry", sorted({entry for lane in ENTRIES.values() for entry in lane.values()}))
def test_a_process_loads_no_more_than_its_imports_say(entry: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", LOADED.format(entry=entry)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    ours = {name for name in json.loads(said) if name.partition(".")[0] in PACKAGES}
    assert ours <= closure(ROOT, entry)
    assert entry in ours
