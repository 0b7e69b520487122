"""The commands of ``lab`` put together in groups, and every failure turned into one line and an exit code.

Exit codes: 0 done; 1 the answer is bad news (anomalies, an order that failed, a process that does not start);
2 the question was wrong (unknown name, bad option, no lab up); 3 the order was rolled back, as it should be;
70 a bug; 128 + n ended by signal n.
"""

import os
import sys
from collections.abc import Callable
from typing import Annotated, Final

import typer

from lab.commands import (
    approvals,
    audit,
    bench,
    calibrate,
    change_cost,
    console,
    dead_letters,
    demo,
    diagnose,
    export,
    faults,
    lifecycle,
    machinery,
    orders,
    report,
    run,
    secrets,
    stepfunctions,
    trace,
    why,
    workshop,
)
from lab.errors import LabError
from lab.target.chosen import CHOSEN, Where

# The root of typer's own errors: of its copy of click or of the real one, as its version goes.
_TyperError = next(each for each in typer.BadParameter.__mro__ if each.__name__ == "ClickException")

app = typer.Typer(
    name="lab",
    help="One order, two ways to fulfil it, one judge: run both lanes on real processes, break them, ask them why.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _everywhere(
    target: Annotated[
        Where | None,
        typer.Option(
            envvar="LAB_TARGET",
            help="Processes of this machine, or the containers of compose.yaml; default: whichever is up.",
        ),
    ] = None,
) -> None:
    CHOSEN.set(target)


# Panel -> its commands, in the order in which ``lab --help`` shows them.
COMMANDS: Final[dict[str, tuple[Callable[..., None], ...]]] = {
    "Life of the lab": (
        lifecycle.up,
        stepfunctions.stepfunctions,
        lifecycle.down,
        console.console,
        machinery.status,
        machinery.logs,
        secrets.secrets,
    ),
    "Orders": (
        orders.order,
        orders.orders,
        why.why,
        trace.trace,
        approvals.approvals,
        approvals.approve,
        approvals.reject,
    ),
    "Faults": (
        faults.fault,
        faults.repair,
        machinery.kill,
        machinery.freeze,
        machinery.thaw,
        machinery.restart,
    ),
    "Experiments": (
        run.scenarios,
        run.run,
        run.rerun,
        run.ablation,
        calibrate.calibrate,
        diagnose.diagnose,
        report.report,
        report.compare,
    ),
    "Judgement": (audit.audit, demo.demo, bench.bench, change_cost.change_cost),
}
for _panel, _commands in COMMANDS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel="Orders")
app.add_typer(export.app, name="export", rich_help_panel="Judgement")
app.add_typer(workshop.app, name="workshop", rich_help_panel="Experiments")


def answer(arguments: list[str]) -> int:
    """One command; its exit code. What went wrong is on stderr, in one line, never as a traceback."""
    try:
        result = app(args=arguments or ["--help"], prog_name="lab", standalone_mode=False)
    except LabError as error:
        return _say(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _say("stopped by SIGINT", 130)
    except BrokenPipeError:  # `lab orders | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter's own flush would complain
        return 0
    except Exception as error:  # noqa: BLE001  # the last resort: whatever it is, it is said, and the exit code is not 0
        return _unexpected(error)
    return result if isinstance(result, int) else 0


def _unexpected(error: Exception) -> int:
    if isinstance(error, _TyperError):  # unknown command, missing argument, value of the wrong type
        return _say(f"{error.format_message()} (see lab --help)", 2)  # type: ignore[attr-defined]
    if os.environ.get("LAB_DEBUG"):
        raise error
    return _say(f"a bug: {type(error).__name__}: {error} (LAB_DEBUG=1 shows where)", 70)  # EX_SOFTWARE


def _say(text: str, exit_code: int) -> int:
    sys.stderr.write(f"lab: {text}\n")
    return exit_code
