"""The subjects of the stream ``MACHINES``: one head for each machine's name, and its revisions."""

from typing import Final

from orchestration.names import escaped

STREAM: Final = "MACHINES"
HEAD: Final = "machine.head"
REVISION: Final = "machine.revision"


def head_subject(name: str) -> str:
    return f"{HEAD}.{escaped(name)}"


def revision_subject(name: str, revision: str) -> str:
    return f"{REVISION}.{escaped(name)}.{escaped(revision)}"
