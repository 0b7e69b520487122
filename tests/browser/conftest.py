"""A real Chromium on a real lab with its console, one for all modules. Without a Chromium the tests are skipped.

An error in the browser's own console, a page that threw, or a file that did not load fails the test that saw it.
"""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from bench.chromium import NONE, find_browser
from lab.control.client import running_lab
from lab.home import Home
from lab.lane_client import LaneClient, lane_clients
from lab.topology import CONSOLE_OFFSET
from tests.free_ports import free_port_base

NETWORK_CHANGED = "ERR_NETWORK_CHANGED"  # of the machine, not of the console
READY_WITHIN_S = 60.0
WITHIN_MS = 20_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """``make test-more`` runs these: each module takes a lab, and a browser's event loop bars every other test's."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


@dataclass(frozen=True)
class ConsoleLab:
    """A lab that is up, as a browser and as a command see it."""

    home: Path
    url: str

    def lab(self, *arguments: str, expect: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "lab", *arguments, "--home", str(self.home)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = running_lab(Home(self.home)).status
        return found

    def client(self, lane: str) -> LaneClient:
        return lane_clients(running_lab(Home(self.home)), lane)[0]

    def state(self, process: str) -> str:
        return str(self._process(process)["state"])

    def pid(self, process: str) -> int:
        return int(self._process(process)["pid"])

    def practices(self, lane: str) -> str:
        return str(self.status()["lanes"][lane]["practices"])

    def _process(self, name: str) -> dict[str, Any]:
        return next(dict(each) for each in self.status()["processes"] if each["name"] == name)


@pytest.fixture(scope="package")  # no longer: while it lives, its event loop is the process's
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip(f"{NONE}; no page is tried")
    expect.set_options(timeout=WITHIN_MS)
    with sync_playwright() as playwright:
        # Without a sandbox, since in a container as root there is none; the pages are our own.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def console_lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleLab]:
    """Depends on the browser: without one no lab is started either. The lab is shared: a test leaves no fault behind,
    and counts from what it found."""
    home, base = tmp_path_factory.mktemp("console") / "lab", free_port_base()
    lab = ConsoleLab(home, f"http://127.0.0.1:{base + CONSOLE_OFFSET}")
    try:
        lab.lab("up", "--detach", f"--port-base={base}", "--conductors=2")
        yield lab
    finally:
        subprocess.run(
            [sys.executable, "-m", "lab", "down", "--home", str(home)], capture_output=True, timeout=60, check=False
        )


@pytest.fixture
def open_page(browser: Browser, console_lab: ConsoleLab) -> Iterator[Callable[..., Page]]:
    """``open_page("/orders")``: a page that is connected. What went wrong in the browser fails the test at its end."""
    wrong: list[str] = []
    contexts = []

    def open_at(path: str, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": 1400, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        _listen(page, wrong, console_lab.url)
        _visit(page, console_lab.url + path)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)


def _visit(page: Page, url: str) -> None:
    """Until it is connected. Where the machine's own network changes meanwhile, Chromium drops every request: again."""
    for left in (2, 1, 0):
        page.goto(url)
        try:
            page.wait_for_function("window.socket && window.socket.connected")
            return
        except PlaywrightTimeout:
            if not left:
                raise


def _listen(page: Page, wrong: list[str], own: str) -> None:
    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and NETWORK_CHANGED not in message.text:
            wrong.append(f"{message.type} in the browser's console at {page.url}: {message.text}")

    page.on("console", said)
    page.on("pageerror", lambda error: wrong.append(f"thrown at {page.url}: {error}"))
    page.on("request", lambda request: _stays(request.url, own, wrong))


def _stays(url: str, own: str, wrong: list[str]) -> None:
    """No page may load anything from elsewhere: the room has no internet."""
    if not url.startswith((own, own.replace("http:", "ws:"), "data:", "blob:")):
        wrong.append(f"loads from elsewhere: {url}")


def aws(lab: ConsoleLab, operation: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call of the conductor's own API, as AWS's clients make it."""
    request = urllib.request.Request(
        running_lab(Home(lab.home)).url("orchestration", "door"),
        json.dumps(body).encode(),
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AWSStepFunctions.{operation}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def until(holds: Callable[[], bool], what: str, timeout_s: float = READY_WITHIN_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s"
        time.sleep(0.1)
