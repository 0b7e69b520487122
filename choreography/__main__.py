"""``python -m choreography``: a process of this lane, chosen by LAB_COMPONENT; or one of the words below.

``asyncapi`` and ``diagram`` print what is made from the code; ``documents [FOLDER]`` writes both (default: ``docs``).
"""

import sys
from pathlib import Path

from choreography.documents import asyncapi_text, diagram_text, write_documents
from choreography.processes import run_door, run_service, run_watch
from services.operations import Service
from services.serve import run
from services.settings import Settings

USAGE = "usage: python -m choreography [asyncapi | diagram | documents [FOLDER]]"


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            return _process()
        case ["asyncapi"]:
            sys.stdout.write(asyncapi_text())
        case ["diagram"]:
            sys.stdout.write(diagram_text())
        case ["documents", *folder] if len(folder) <= 1:
            for path in write_documents(Path(*folder) if folder else Path("docs")):
                sys.stdout.write(f"{path}\n")
        case _:
            sys.stderr.write(f"{USAGE}\n")
            return 2
    return 0


def _process() -> int:
    settings = Settings()
    processes = {"door": run_door, "watch": run_watch, **dict.fromkeys(map(str, Service), run_service)}
    process = processes.get(settings.component)
    if process is None:
        sys.stderr.write(f"LAB_COMPONENT is {settings.component!r}; known: {', '.join(processes)}\n")
        return 2
    run(lambda: process(settings), settings)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
