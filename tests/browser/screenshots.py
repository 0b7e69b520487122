"""``python -m tests.browser.screenshots FOLDER``: every page of a lab of its own, wide and narrow, light and dark."""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from lab.topology import CONSOLE_OFFSET
from tests.browser.conftest import ConsoleLab, find_browser
from tests.browser.test_frame import PAGES, settled
from tests.free_ports import free_port_base

WIDTHS = (1400, 800)
SCHEMES = ("light", "dark")


def main(folder: Path) -> int:
    path = find_browser()
    if path is None:
        sys.stderr.write("no Chromium on this machine: apt-get install chromium, or LAB_CHROMIUM=path\n")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        base = free_port_base()
        lab = ConsoleLab(Path(home), f"http://127.0.0.1:{base + CONSOLE_OFFSET}")
        try:
            lab.lab("up", "--detach", f"--port-base={base}")
            lab.lab("fault", "shipping", "error", "--operation=print_label", "--attempts=2")
            lab.lab("order", "--id=plain-1", "--wait")
            lab.lab("order", "--id=dear-1", "--large")
            _shoot(lab, path, folder)
        finally:
            subprocess.run([sys.executable, "-m", "lab", "down", "--home", home], capture_output=True, check=False)
    return 0


def _shoot(lab: ConsoleLab, path: str, folder: Path) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for width in WIDTHS:
            for scheme in SCHEMES:
                context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                page = context.new_page()
                for address in PAGES:
                    page.goto(lab.url + address)
                    settled(page)
                    name = address.strip("/").replace("/", "-") or "stage"
                    page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
                context.close()
        chromium.close()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".lab/screenshots")))
