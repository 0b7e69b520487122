"""The links that a scenario breaks, put between processes and brokers before a lab starts; the same in every trial."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from lab.link.proxy import Link
from lab.scenario import Scenario, component_of
from lab.topology import HOST, LabConfig, name_of

Links = Mapping[str, Link]  # by process name


@asynccontextmanager
async def links_for(scenario: Scenario, config: LabConfig) -> AsyncIterator[tuple[LabConfig, Links]]:
    """The configuration of a lab whose processes reach their brokers by these links. Enter it before the lab."""
    links: dict[str, Link] = {}
    async with AsyncExitStack() as stack:
        for lane in config.lanes:
            for fault in scenario.links:
                name = name_of(lane, component_of(fault.target, lane))
                if name not in links:
                    links[name] = await stack.enter_async_context(Link(HOST, config.broker_port(lane)))
        yield replace(config, link_ports={name: link.port for name, link in links.items()}), links
