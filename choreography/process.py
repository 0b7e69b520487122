"""``python -m choreography``: a process of this lane, chosen by LAB_COMPONENT; or one of the words below.

``asyncapi`` and ``diagram`` print what is made from the code; ``documents [FOLDER]`` writes both (default: ``docs``).
"""

import sys
from pathlib import Path

from services.operations import Service
from services.serve import run
from services.settings import Settings

USAGE = "usage: python -m choreography [asyncapi | diagram | documents [FOLDER]]"


def main(arguments: list[str]) -> int:
    return _documents(arguments) if arguments else _process()


def _documents(arguments: list[str]) -> int:
    from choreography.documents import asyncapi_text, diagram_text, write_documents

    match arguments:
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
    """Each component imports only what it needs: imports are most of the time that a restart takes."""
    settings = Settings()
    if settings.component in set(Service):
        from choreography.service_process import run_service

        run(lambda: run_service(settings), settings)
    elif settings.component == "tracer":
        return _tracer(settings)
    elif settings.component in ("door", "watch"):
        if settings.component == "door" and not settings.approval_secret.get_secret_value():
            sys.stderr.write("LAB_APPROVAL_SECRET is not set: approval tokens could be forged\n")
            return 2
        from choreography.processes import run_door, run_watch

        run(lambda: (run_door if settings.component == "door" else run_watch)(settings), settings)
    else:
        sys.stderr.write(f"LAB_COMPONENT is {settings.component!r}; known: door, watch, tracer, {', '.join(Service)}\n")
        return 2
    return 0


def _tracer(settings: Settings) -> int:
    if not settings.otlp_endpoint:
        sys.stderr.write("LAB_OTLP_ENDPOINT is not set: a tracer needs somebody to send its spans to\n")
        return 2
    from choreography.tracer_process import run_tracer

    # Its spans are made of what is stored; it has none of its own.
    run(lambda: run_tracer(settings), settings.model_copy(update={"otlp_endpoint": ""}))
    return 0
