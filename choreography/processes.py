"""The door and the watch, each wired together in one place; a service with its listener is in ``service_process``.

They are apart because a process should load only what it needs: its imports are the longest part of its start, and so
of every outage that a crash makes. These two need no ledger.
"""

from collections.abc import Coroutine
from typing import Any

from fastapi import FastAPI
from nats.aio.client import Client

from choreography.broker_setup import TRACKER
from choreography.door import ChoreographyLane
from choreography.follower import Follower
from choreography.http import add_dead_letters, add_reactions
from choreography.last_resort import LastResort
from choreography.reactions_simple import SimpleReactions
from choreography.running import connected, running
from choreography.tracker import Tracker
from choreography.watch import Watch
from services.front_door_http import create_door_app
from services.operational_http import create_operational_app
from services.practices import Practice
from services.serve import serve
from services.settings import Settings


async def run_door(settings: Settings) -> None:
    async with connected(settings) as client:
        app, following = door_app(settings, client)
        async with running(*following):
            await serve(app, settings)


def door_app(settings: Settings, client: Client) -> tuple[FastAPI, list[Coroutine[Any, Any, None]]]:
    """The door's app, and what must run beside it."""
    tracker = Tracker(settings.lane) if settings.tracker else None
    app = create_door_app(settings, ChoreographyLane(client, settings, tracker))
    add_dead_letters(app, settings, lambda: client)
    return app, [] if tracker is None else [Follower(client, TRACKER, tracker.hear).run()]


async def run_watch(settings: Settings) -> None:
    """The deadline watch, the dead letter of last resort, and the simple reactions."""
    parks = Practice.DEAD_LETTERS in settings.practices
    async with connected(settings) as client:
        watch = Watch(client, settings, enforcing=Practice.DEADLINES in settings.practices)
        reactions = SimpleReactions(client)

        async def ready() -> str | None:
            if not client.is_connected:
                return "the broker is out of reach"
            return None if watch.caught_up.is_set() else "still reading the past"

        app = create_operational_app(settings, ready)
        add_reactions(app, reactions.made)
        last_resort = [LastResort(client, settings.lane).run()] if parks else []
        async with running(watch.run(), reactions.run(), *last_resort):
            await serve(app, settings)
