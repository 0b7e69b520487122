"""A lab of containers as commands use it: the same face as ``lab.control.client.RunningLab``."""

from dataclasses import dataclass, field
from pathlib import Path

from lab.control.client import RunningLab
from lab.credentials import Credentials
from lab.errors import BadInput
from lab.home import Home
from lab.target.described import config_of, describe, lanes_of
from lab.target.engine import Engine
from lab.topology import DOOR


@dataclass(frozen=True)
class RunningCompose(RunningLab):
    engine: Engine = field(kw_only=True)
    admin_token: str = field(kw_only=True, repr=False)

    def credentials(self) -> Credentials:
        """Whoever may ask the engine may see the token; the brokers' passwords are of no use outside."""
        return Credentials(self.admin_token, "", {})

    def act(self, name: str, action: str, *, stay_down: bool | None = None) -> str:
        match action:
            case "kill":
                self.engine.kill(name, stay_down=bool(stay_down))
            case "freeze":
                self.engine.freeze(name)
            case "thaw":
                self.engine.thaw(name)
            case "restart":
                self.engine.restart(name)
            case _:
                raise BadInput(f"no action {action!r}")
        return self.engine.state(name)

    def again(self) -> RunningLab:
        return running_compose(self.home.path, self.engine)


def running_compose(home: Path, engine: Engine | None = None) -> RunningCompose:
    """Raises ``NotUp`` or ``NoEngine``. ``home``: for results and advice only."""
    engine = engine or Engine()
    known = engine.containers()
    doors = {each.lane: each for each in known if each.component == DOOR}
    if not doors:
        raise BadInput(f"the project {engine.project} has no front door: {', '.join(each.name for each in known)}")
    environments = {lane: engine.environment(doors[lane]) for lane in lanes_of(known)}
    status = describe(engine.project, home, known, config_of(known, environments), engine.statuses())
    token = next(iter(environments.values()))["LAB_ADMIN_TOKEN"]
    return RunningCompose(Home(home), status, engine=engine, admin_token=token)
