"""``python -m tests.browser.screenshots FOLDER``: every page of a lab of its own, wide and narrow, light and dark.

With ``--readme`` only the pictures of the README, small, into docs/images.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, sync_playwright

from bench.chromium import NONE, find_browser
from lab.console.orders.made import make_order
from lab.lane_client import LaneClient
from lab.topology import CONSOLE_OFFSET
from services.order import Order
from tests.browser.conftest import ConsoleLab, until
from tests.browser.test_frame import PAGES, settled
from tests.free_ports import free_port_base

Scheme = Literal["light", "dark"]
WIDTHS: Final = (1400, 800)
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
LANES: Final = ("choreography", "orchestration")
ORDERS: Final = 30
PATIENCE_MS: Final = 120_000
IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
README_PAGES: Final[dict[str, tuple[str, Scheme, int]]] = {
    "console-stage": ("/", "light", 780),
    "console-order": ("/orders/plain-1", "light", 700),
    "console-execution": ("/executions/dear-1", "dark", 700),
}
README_MAX_BYTES: Final = 120_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(".lab/screenshots"))
    parser.add_argument("--readme", action="store_true")
    told = parser.parse_args()
    path = find_browser()
    if path is None:
        sys.stderr.write(f"{NONE}\n")
        return 2
    folder = IMAGES if told.readme else told.folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        base = free_port_base()
        lab = ConsoleLab(Path(home), f"http://127.0.0.1:{base + CONSOLE_OFFSET}")
        try:
            lab.lab("up", "--detach", f"--port-base={base}")
            _happen(lab)
            with sync_playwright() as playwright:
                chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                (_shoot_readme if told.readme else _shoot)(lab, chromium, folder)
                chromium.close()
        finally:
            subprocess.run([sys.executable, "-m", "lab", "down", "--home", home], capture_output=True, check=False)
    return 0


def _happen(lab: ConsoleLab) -> None:
    """Something to see: some orders done, one of them after two jams of the printer, and one that waits."""
    lab.lab("fault", "shipping", "error", "--operation=print_label", "--attempts=2")
    lab.lab("order", "--id=plain-1", "--wait")
    lab.lab("repair")
    for lane in LANES:
        _place(lab.client(lane))
    lab.lab("order", "--id=dear-1", "--large")


def _place(client: LaneClient) -> None:
    for number in range(ORDERS):
        client.place(Order.model_validate(make_order(client.catalogue(), f"made-{number}", dear=False)))
    until(lambda: client.view(f"made-{ORDERS - 1}").status == "fulfilled", f"{client.lane} is done")


def _shoot(lab: ConsoleLab, chromium: Browser, folder: Path) -> None:
    for width in WIDTHS:
        for scheme in SCHEMES:
            context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MS)
            for address, drawn in PAGES.items():
                page.goto(lab.url + address)
                settled(page, drawn)
                name = re.sub(r"\W+", "-", address).strip("-") or "stage"
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
            context.close()


def _shoot_readme(lab: ConsoleLab, chromium: Browser, folder: Path) -> None:
    for name, (address, scheme, height) in README_PAGES.items():
        context = chromium.new_context(viewport={"width": 1200, "height": height}, color_scheme=scheme)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(lab.url + address)
        settled(page, PAGES.get(address, ".graph .node"))
        picture = page.screenshot(path=folder / f"{name}.png")
        assert len(picture) < README_MAX_BYTES, f"{name}: {len(picture)} bytes"
        context.close()


if __name__ == "__main__":
    sys.exit(main())
