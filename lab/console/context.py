"""What every page is given: settings, the lanes, and the one feed that all browsers share."""

from dataclasses import dataclass

from fastapi import FastAPI

from lab.console.backend import Backend
from lab.console.feed import Feed
from lab.console.jobs import Job
from lab.console.load import LoadGenerator
from lab.console.rooms import Rooms
from lab.console.settings import ConsoleSettings


@dataclass(frozen=True)
class Console:
    """``app`` is for routes that are no pages: what a mail links to, a download."""

    settings: ConsoleSettings
    backend: Backend
    feed: Feed
    load: LoadGenerator
    jobs: Job
    rooms: Rooms
    app: FastAPI
