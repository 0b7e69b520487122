"""The event catalogue: what can be said on the bus, by whom, who reacts, and the schema of each body."""

from nicegui import ui

from lab.console.bus.catalogue import catalogue
from lab.console.components import json_view


def show_catalogue() -> None:
    ui.label("Made from the code: the reaction table and the models of the events (AsyncAPI 3).").classes("quiet")
    for entry in catalogue():
        with ui.element("details").classes("card"):
            with ui.element("summary"):
                ui.label(f"{entry.type}: {entry.summary}").style("display: inline; font-weight: 600")
            ui.label(f"subject {entry.address}")
            ui.label(f"told by {', '.join(entry.told_by) or 'nobody'}")
            for service, does in entry.heard_by:
                ui.label(f"heard by {service}: {does}")
            if not entry.heard_by:
                ui.label("nobody reacts to it")
            json_view(entry.schema, f"Schema of {entry.type}")
