"""DescribeStateMachineForExecution: the machine as it was when an execution started, whatever became of it since."""

from typing import Any

from orchestration.api.configuration import encryption_of, logging_of, tracing_of
from orchestration.api.machines import METADATA_ONLY, references_in
from orchestration.api.protocol import Handlers
from orchestration.api.recorded import find
from orchestration.api.services import ApiServices
from orchestration.api.targets import revision_of
from orchestration.names import machine_arn
from orchestration.runtime.map_run_machines import MARK


def handlers(services: ApiServices) -> Handlers:
    async def describe(request: dict[str, Any]) -> dict[str, Any]:
        execution = await find(services.client, request["executionArn"])
        base, _, _ = execution.start.machine.partition(MARK)
        revision_id = base.removeprefix(execution.name.machine).removeprefix("@")
        revision = await revision_of(services, execution.name.machine, revision_id)
        definition = "{}" if request.get("includedData") == METADATA_ONLY else revision.definition
        return {
            "stateMachineArn": machine_arn(execution.machine),
            "name": execution.name.machine,
            "definition": definition,
            "roleArn": revision.role_arn,
            "updateDate": revision.created_at,
            "loggingConfiguration": logging_of(revision.logging),
            "tracingConfiguration": tracing_of(revision.tracing),
            "encryptionConfiguration": encryption_of(revision.encryption),
            "mapRunArn": execution.start.map_run or None,
            "label": execution.name.label or None,
            "revisionId": revision.shown or None,
            "variableReferences": await references_in(definition),
        }

    return {"DescribeStateMachineForExecution": describe}
