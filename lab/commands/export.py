"""``lab export aws``: the order machine for AWS's own Step Functions."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lab.commands.options import err
from lab.errors import BadInput
from orchestration.orders.tasks_as import TasksAs
from services.practices import PRESETS
from services.settings import Settings

app = typer.Typer(help="Take a part of the lab elsewhere.", no_args_is_help=True)


@app.callback()
def export() -> None:
    """Take a part of the lab elsewhere."""


@app.command()
def aws(
    tasks: Annotated[TasksAs, typer.Option(help="How the state machine reaches the services.")] = TasksAs.HTTP,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; default: standard output.")] = None,
) -> None:
    """Write the order machine as a CloudFormation template: the same states, retries and undo steps, on AWS."""
    from orchestration.orders.cloudformation import template
    from orchestration.orders.definition import order_machine

    defaults = Settings.model_fields
    definition = order_machine(
        PRESETS["hardened"],
        time_scale=1.0,
        approval_threshold_cents=defaults["approval_threshold_cents"].default,
        approval_timeout_s=defaults["approval_timeout_s"].default,
        call_timeout_s=defaults["call_timeout_base_s"].default,
    )
    text = json.dumps(template(definition, tasks), indent=2) + "\n"
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{output}: cannot be written: {error.strerror}") from error
    err.print(
        f"{output}: deploy it with  aws cloudformation deploy --template-file {output} --capabilities CAPABILITY_IAM …"
    )
