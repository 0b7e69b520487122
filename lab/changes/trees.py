"""Copies of this source tree with patches applied. Writes only into the folder that it is given."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from lab.changes.loading import PACKAGES
from lab.errors import LabError

ROOT: Final = Path(__file__).parents[2]
# All that the tests of a change need. The folders of containers and dashboards are made from the code, and not copied.
FOLDERS: Final = (*PACKAGES, "lab", "loadtests", "bench", "tests")
FILES: Final = ("pyproject.toml", "docs/choreography.asyncapi.json", "docs/choreography.mmd")
CONTEXT_LINES: Final = 2
# A line of context that has changed does no harm; where a change belongs is still certain by the other.
LOOSELY: Final = ("-C1", "--recount", "--whitespace=nowarn")


class DoesNotApply(LabError):
    """Mend the patch: the code that it changes has changed (see lab/changes/README.md)."""


def copy_tree(target: Path) -> None:
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", "*.patch"))
    for name in FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


def apply(tree: Path, patch: Path, *options: str) -> None:
    """Raises ``DoesNotApply``, and then nothing is changed (unless ``options`` say ``--reject``)."""
    done = git(tree, "apply", *LOOSELY, *options, str(patch.resolve()))
    if done.returncode:
        raise DoesNotApply(f"{patch.parent.name}/{patch.name} does not apply:\n{done.stderr.strip()}")


def difference(tree: Path) -> str:
    """Of a tree that is a repository: what is not committed, as a patch that says little of what is around it."""
    git(tree, "add", "--all", check=True)
    text = git(tree, "diff", "--cached", "--no-color", "--no-ext-diff", f"-U{CONTEXT_LINES}", check=True).stdout
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("index "))


def commit(tree: Path) -> None:
    git(tree, "init", "--quiet", check=True)
    git(tree, "add", "--all", check=True)
    git(tree, "-c", "user.name=lab", "-c", "user.email=lab@localhost", "commit", "--quiet", "-m", "before", check=True)


def git(tree: Path, *arguments: str, check: bool = False) -> "subprocess.CompletedProcess[str]":
    """As if the tree were in no repository but its own."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    alone["GIT_CEILING_DIRECTORIES"] = str(tree.resolve().parent)
    try:
        return subprocess.run(["git", *arguments], cwd=tree, env=alone, capture_output=True, text=True, check=check)
    except FileNotFoundError as error:
        raise LabError("git is needed to apply patches, and was not found") from error
    except subprocess.CalledProcessError as error:
        raise LabError(f"git {arguments[0]}: {error.stderr.strip()}") from error
