"""Events: the bus of the choreography, live and in its archive, and what was set apart in either lane."""

from typing import Final

from lab.console.pages import Page
from lab.console.pages.events.page import build

SAYS: Final = "What is said on the bus: live, by what caused it, what could not be processed, the past again."
PAGES = (Page("/events", "Events", build, place=5, says=SAYS),)
