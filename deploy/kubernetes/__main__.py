"""``python -m deploy.kubernetes build [--check]``: the manifests as files, or whether the files are current."""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.kubernetes.broker_values import values
from deploy.kubernetes.watching import auditor, namespace
from deploy.kubernetes.workloads import lane_objects
from lab.topology import LANES

FOLDER: Final = Path(__file__).parent
MADE: Final = "# Made by `python -m deploy.kubernetes build`.\n"


def files() -> dict[Path, str]:
    """What every made file should hold."""
    manifests = {"00-namespace": [namespace()], "watching": [auditor()]}
    manifests |= {lane: lane_objects(lane) for lane in LANES}
    found = {FOLDER / "manifests" / f"{name}.yaml": _yaml(*objects) for name, objects in manifests.items()}
    return found | {FOLDER / f"{lane}-broker.values.yaml": _yaml(values(lane)) for lane in LANES}


def outdated() -> list[str]:
    """Files that differ, are missing, or are not ours."""
    wanted = files()
    paths = {*FOLDER.glob("manifests/*.yaml"), *FOLDER.glob("*.values.yaml")}
    found = {path: path.read_text(encoding="utf-8") for path in paths}
    return sorted(path.name for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))


def _yaml(*objects: dict[str, Any]) -> str:
    return MADE + yaml.dump_all(objects, Dumper=Plain, sort_keys=False, width=120, explicit_start=len(objects) > 1)


class Plain(yaml.CSafeDumper):
    """Writes what is the same twice, where PyYAML would refer to it by an anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def build() -> None:
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.kubernetes", description=__doc__)
    parser.add_argument("command", choices=["build"])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a file is not current")
    if not parser.parse_args(arguments).check:
        build()
        return 0
    if late := outdated():
        print(f"not current: {', '.join(late)}; run: python -m deploy.kubernetes build", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
