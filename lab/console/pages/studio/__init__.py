"""Studio: a state machine edited as a graph and as text, tried, published and run."""

from typing import Final

from lab.console.pages import Page
from lab.console.pages.studio.page import build

SAYS: Final = "Draw a state machine or write it: each follows the other. Every control works by keyboard."
PAGES = (Page("/studio", "Studio", build, place=4, says=SAYS),)
