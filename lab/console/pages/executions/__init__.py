"""Executions: what the conductor runs, listed and one by one, as Step Functions' own console shows it."""

from typing import Final

from lab.console.pages import Page
from lab.console.pages.executions.listing import build_list
from lab.console.pages.executions.one import build_one

SAYS: Final = "Every run of a state machine: what it did, what it waits for, and what can be done about it."
PAGES = (
    Page("/executions", "Executions", build_list, place=3, says=SAYS),
    Page("/executions/{arn_or_token:path}", "Execution", build_one),
)
