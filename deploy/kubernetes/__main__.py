"""``python -m deploy.kubernetes build [--check]``: the manifests as files, or whether the files are current."""

import sys
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.kubernetes.broker_values import values
from deploy.kubernetes.watching import auditor, namespace
from deploy.kubernetes.workloads import lane_objects
from lab.made_files import MadeFiles
from lab.topology import LANES

FOLDER: Final = Path(__file__).parent
MADE: Final = "# Made by `python -m deploy.kubernetes build`.\n"


def _wanted() -> dict[Path, str]:
    manifests = {"00-namespace": [namespace()], "watching": [auditor()]}
    manifests |= {lane: lane_objects(lane) for lane in LANES}
    found = {FOLDER / "manifests" / f"{name}.yaml": _yaml(*objects) for name, objects in manifests.items()}
    return found | {FOLDER / f"{lane}-broker.values.yaml": _yaml(values(lane)) for lane in LANES}


def _there() -> set[Path]:
    return {*FOLDER.glob("manifests/*.yaml"), *FOLDER.glob("*.values.yaml")}


def _yaml(*objects: dict[str, Any]) -> str:
    return MADE + yaml.dump_all(objects, Dumper=Plain, sort_keys=False, width=120, explicit_start=len(objects) > 1)


class Plain(yaml.CSafeDumper):
    """Writes what is the same twice, where PyYAML would refer to it by an anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


FILES: Final = MadeFiles("deploy.kubernetes", _wanted, _there)

if __name__ == "__main__":
    sys.exit(FILES.main())
