"""What axe finds wrong with a page for those who cannot see it, or see it otherwise."""

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SERIOUS: Final = ("serious", "critical")
ALL_RULES: Final[dict[str, Any]] = {"resultTypes": ["violations"]}
COLOURS: Final[dict[str, Any]] = {**ALL_RULES, "runOnly": ["color-contrast"]}  # all that the dark changes


def serious_problems(page: Page, options: dict[str, Any] = ALL_RULES) -> list[str]:
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{page.url}: {each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in SERIOUS
    ]
