"""Aliases of a state machine: names for one version, or for two between which executions are divided by weights."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from orchestration.api.arns import MachineName, unlabeled_machine
from orchestration.api.errors import ApiError, invalid_arn, no_such_resource, validation
from orchestration.api.protocol import Handlers
from orchestration.api.services import ApiServices
from orchestration.api.targets import as_resource, change, found
from orchestration.machines.model import Alias, Head, Route
from orchestration.names import machine_arn

Request = dict[str, Any]
Answer = dict[str, Any]

MAX_ALIASES: Final = 100
INVALID_ROUTING: Final = "INVALID_ROUTING_CONFIGURATION"


def handlers(services: ApiServices) -> Handlers:
    aliases = Aliases(services)
    return {
        "CreateStateMachineAlias": aliases.create,
        "UpdateStateMachineAlias": aliases.update,
        "DeleteStateMachineAlias": aliases.delete,
        "DescribeStateMachineAlias": aliases.describe,
        "ListStateMachineAliases": aliases.list,
    }


class Aliases:
    def __init__(self, services: ApiServices) -> None:
        self._services = services

    async def create(self, request: Request) -> Answer:
        """The same request again gives the same alias."""
        machine, routes = _routing(request["routingConfiguration"])
        at = self._now()
        wanted = Alias(request["name"], routes, at, at, request.get("description"))

        def created(head: Head) -> Head:
            existing = head.alias(wanted.name)
            if existing is None:
                _check_versions(head, routes)
                if len(head.aliases) >= MAX_ALIASES:
                    raise ApiError(
                        "ServiceQuotaExceededException", f"'{machine.arn}' has {MAX_ALIASES} aliases already"
                    )
                return replace(head, aliases=(*head.aliases, wanted))
            if (existing.routes, existing.description) != (wanted.routes, wanted.description):
                raise ApiError(
                    "ConflictException",
                    "Failed to create alias because an alias with the same name and a different routing configuration "
                    "already exists.",
                )
            return head

        head = await as_resource(change(self._services, machine, created), machine.arn)
        alias = head.alias(wanted.name) or wanted
        return {"stateMachineAliasArn": machine_arn(machine.name, alias.name), "creationDate": alias.created_at}

    async def update(self, request: Request) -> Answer:
        name = _alias_name(request["stateMachineAliasArn"])
        if "description" not in request and "routingConfiguration" not in request:
            raise validation("Either the description or the routing configuration must be specified")
        changes: dict[str, Any] = {"updated_at": self._now()}
        if "description" in request:
            changes["description"] = request["description"]
        if "routingConfiguration" in request:
            machine, changes["routes"] = _routing(request["routingConfiguration"])
            if machine.name != name.name:
                raise validation("The routing configuration must name versions of the alias's own state machine")

        def updated(head: Head) -> Head:
            alias = _existing(head, name)
            _check_versions(head, changes.get("routes", ()))
            kept = tuple(replace(each, **changes) if each == alias else each for each in head.aliases)
            return replace(head, aliases=kept)

        await as_resource(change(self._services, MachineName(name.name), updated), name.arn)
        return {"updateDate": changes["updated_at"]}

    async def delete(self, request: Request) -> Answer:
        name = _alias_name(request["stateMachineAliasArn"])

        def deleted(head: Head) -> Head:
            alias = _existing(head, name)
            return replace(head, aliases=tuple(each for each in head.aliases if each != alias))

        await as_resource(change(self._services, MachineName(name.name), deleted), name.arn)
        return {}

    async def describe(self, request: Request) -> Answer:
        name = _alias_name(request["stateMachineAliasArn"])
        alias = _existing((await as_resource(found(self._services, name), name.arn)).head, name)
        return {
            "stateMachineAliasArn": name.arn,
            "name": alias.name,
            "description": alias.description,
            "routingConfiguration": [
                {"stateMachineVersionArn": machine_arn(name.name, str(route.version)), "weight": route.weight}
                for route in alias.routes
            ],
            "creationDate": alias.created_at,
            "updateDate": alias.updated_at,
        }

    async def list(self, request: Request) -> Answer:
        """The newest first; those of one version where a version's ARN is given."""
        name = unlabeled_machine(request["stateMachineArn"])
        aliases = (await found(self._services, name)).head.aliases
        if name.version is not None:
            aliases = tuple(each for each in aliases if name.version in {route.version for route in each.routes})
        places = {alias.name: -place for place, alias in enumerate(aliases)}
        newest_first = aliases[::-1]
        page, token = self._services.pages.page(
            f"aliases {name.arn}", newest_first, request, lambda alias: [-alias.created_at, places[alias.name]]
        )
        return {"stateMachineAliases": [_listed(name.name, alias) for alias in page], "nextToken": token}

    def _now(self) -> float:
        return round(self._services.clock(), 3)


def _routing(configuration: Sequence[dict[str, Any]]) -> tuple[MachineName, tuple[Route, ...]]:
    """The machine and the routes. Raises ``ApiError`` ValidationException."""
    names = [unlabeled_machine(each["stateMachineVersionArn"]) for each in configuration]
    machines = {name.name for name in names}
    if len(machines) > 1:
        raise _bad_routing("Routing configuration must refer to versions of the same state machine")
    routes: list[Route] = []
    for name, each in zip(names, configuration, strict=True):
        if name.version is None:
            raise _bad_routing(f"Routing configuration must refer to state machine versions: '{name.arn}'")
        routes.append(Route(name.version, each["weight"]))
    if len({route.version for route in routes}) != len(routes):
        raise _bad_routing("Routing configuration must contain distinct state machine version ARNs")
    if sum(route.weight for route in routes) != 100:
        raise _bad_routing("Sum of routing configuration weights must equal 100")
    return MachineName(names[0].name), tuple(routes)


def _bad_routing(message: str) -> ApiError:
    return validation(message, INVALID_ROUTING)


def _check_versions(head: Head, routes: Sequence[Route]) -> None:
    for route in routes:
        if head.version(route.version) is None:
            raise no_such_resource(machine_arn(head.name, str(route.version)))


def _alias_name(arn: str) -> MachineName:
    name = unlabeled_machine(arn)
    if not name.qualifier or name.version is not None:
        raise invalid_arn(f"Not a state machine alias ARN: {arn}")
    return name


def _existing(head: Head, name: MachineName) -> Alias:
    alias = head.alias(name.qualifier)
    if alias is None:
        raise no_such_resource(name.arn)
    return alias


def _listed(name: str, alias: Alias) -> Answer:
    return {"stateMachineAliasArn": machine_arn(name, alias.name), "creationDate": alias.created_at}
