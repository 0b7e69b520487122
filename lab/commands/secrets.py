"""``lab secrets``: the passwords that the containers of ``compose.yaml`` are started with."""

from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import out
from lab.hints import counted
from lab.target.chosen import ENV_FILE

FolderOption = Annotated[Path, typer.Option("--project", help="The folder that compose.yaml is in.")]


def secrets(project: FolderOption = Path()) -> None:
    """Make what is missing of the containers' passwords, in a file that only you can read and git ignores."""
    from lab.target.compose_secrets import SETTINGS, names, write_missing

    path = project / ENV_FILE
    added = write_missing(path, (*names(), *SETTINGS))
    out.print(f"{path}: {counted(len(added), 'line')} added" if added else f"{path}: nothing was missing")
