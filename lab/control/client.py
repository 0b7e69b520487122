"""The control API as commands use it."""

import http.client
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lab.credentials import Credentials, load
from lab.errors import BadInput, NotUp, Starting
from lab.hints import advised
from lab.home import Home, holder
from lab.http_json import Answer, ask_socket


@dataclass(frozen=True)
class RunningLab:
    """A lab that answered. ``status`` is what it said of itself."""

    home: Home
    status: dict[str, Any]

    @property
    def lanes(self) -> list[str]:
        return list(self.status["lanes"])

    @property
    def processes(self) -> list[str]:
        return [process["name"] for process in self.status["processes"]]

    def url(self, lane: str, component: str) -> str:
        """Raises ``BadInput`` naming what there is."""
        if lane not in self.status["lanes"]:
            raise BadInput(f"lane {lane!r} is not up; up: {', '.join(self.lanes)}")
        urls: dict[str, str] = self.status["lanes"][lane]["urls"]
        if component not in urls:
            raise BadInput(f"lane {lane} has no {component!r}; it has: {', '.join(urls)}")
        return urls[component]

    def credentials(self) -> Credentials:
        return load(self.home.secrets)

    def again(self) -> "RunningLab":
        """The same lab as it is now. Raises ``NotUp``."""
        return running_lab(self.home)

    def act(self, name: str, action: str, *, stay_down: bool | None = None) -> str:
        """The process's state afterwards. Raises ``BadInput`` for an unknown process."""
        query = "" if stay_down is None else f"?stay_down={str(stay_down).lower()}"
        answer = _ask(self.home, "POST", f"/processes/{quote(name, safe='')}/{action}{query}")
        return str(answer.body["state"])


def running_lab(home: Home) -> RunningLab:
    """Raises ``NotUp`` when no lab answers in this home."""
    return RunningLab(home, _ask(home, "GET", "/status").body)


def _ask(home: Home, method: str, target: str) -> Answer:
    try:
        answer = ask_socket(method, home.socket, target)
    except (OSError, http.client.HTTPException):
        raise _no_answer(home) from None
    if answer.status != 200:
        raise BadInput(answer.problem())
    return answer


def _no_answer(home: Home) -> NotUp:
    pid = holder(home)
    if pid is not None:
        return Starting(f"a lab is starting (or stopping) in {home.path} (pid {pid}): ask again in a moment")
    start = advised("lab up", home.path)
    return NotUp(f"no lab is up in {home.path}; start one with `{start}`, or name its folder by --home")
