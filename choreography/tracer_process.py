"""The tracer, wired together in one place: the process that makes spans of the events that others have stored."""

from choreography.running import connected, running
from choreography.tracer import Tracer
from services.operational_http import create_operational_app
from services.serve import serve
from services.settings import Settings
from services.spans import COMPONENT, LANE
from telemetry.exporting import Exporter
from telemetry.ids import sampled
from telemetry.otlp import Otlp


async def run_tracer(settings: Settings) -> None:
    resource = {COMPONENT: f"{settings.lane}-{settings.component}", LANE: settings.lane}
    exporter = Exporter(Otlp(settings.otlp_endpoint, resource))
    async with connected(settings) as client:
        tracer = Tracer(client, exporter.export, lambda trace_id: sampled(trace_id, settings.trace_sample))

        async def ready() -> str | None:
            if not client.is_connected:
                return "the broker is out of reach"
            return None if tracer.forwarder.following else "starting"

        async with running(tracer.forwarder.run()):
            await serve(create_operational_app(settings, ready), settings)
    exporter.close()
