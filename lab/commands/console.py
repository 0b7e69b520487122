"""``lab console``: the console of a lab that is up, or one started beside it."""

import os
from typing import Annotated, Any

import typer

from lab.commands.options import DEFAULT_HOME, HomeOption, find_lab, out
from lab.control.client import RunningLab
from lab.credentials import LAB_USER
from lab.errors import BadInput
from lab.topology import CONSOLE, CONSOLE_OFFSET, HOST, LOOPBACK, SET_PASSWORD


def console(
    show: Annotated[bool, typer.Option("--open", help="Open it in this machine's browser.")] = False,
    port: Annotated[int | None, typer.Option(help="Where to listen, if the lab was started without a console.")] = None,
    host: Annotated[str, typer.Option(help="Beyond this machine only with LAB_PASSWORD set.")] = HOST,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Say where the lab's console is; without one, serve it here until Ctrl-C."""
    lab = find_lab(home)
    listens = port if port is not None else lab.status["port_base"] + CONSOLE_OFFSET
    address = f"http://{HOST if host in LOOPBACK else host}:{listens}"
    if show:
        import webbrowser

        webbrowser.open(address)
    out.print(f"the console: {address}", markup=False)
    if CONSOLE not in lab.processes or port is not None:
        _serve(lab, host, listens)


def _serve(lab: RunningLab, host: str, port: int) -> None:
    password = os.environ.get("LAB_PASSWORD", "")
    if host not in LOOPBACK and not password:
        raise BadInput(f"on {host} everybody in the network could open the console: {SET_PASSWORD}")
    try:
        from lab.console.server import run
    except ImportError as error:
        raise BadInput(
            f"the console's own packages are not installed ({error.name}): pip install 'saga-lab[console]'"
        ) from None
    from lab.console.settings import ConsoleSettings

    run(ConsoleSettings.model_validate(_told(lab, host, port, password)))


def _told(lab: RunningLab, host: str, port: int, password: str) -> dict[str, Any]:
    secrets = lab.credentials()
    urls = {lane: dict(lab.status["lanes"][lane]["urls"]) for lane in lab.lanes}
    brokers = {
        lane: {"url": found.pop("broker"), "user": LAB_USER, "password": secrets.broker_password(lane, LAB_USER)}
        for lane, found in urls.items()
    }
    return {
        "host": host,
        "port": port,
        "lanes": urls,
        "brokers": brokers,
        "practices": {lane: lab.status["lanes"][lane]["practices"] for lane in lab.lanes},
        "time_scale": lab.status["time_scale"],
        "admin_token": secrets.admin_token,
        "approval_secret": secrets.approval_secret,
        "control": str(lab.home.socket),
        "home": str(lab.home.path),
        "password": password,
        "grafana_url": os.environ.get("LAB_GRAFANA_URL", ""),
    }
