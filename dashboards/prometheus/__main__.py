"""``python -m dashboards.prometheus``: a configuration for the embedded lab, whose targets are ports of this machine.

``lab up`` in one terminal; in another ``python -m dashboards.prometheus > p.yml; prometheus --config.file=p.yml``.
Rules and intervals are those of ``prometheus.yml``; only the targets differ.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from lab.topology import BROKER, DEFAULT_PORT_BASE, LabConfig

FOLDER: Final = Path(__file__).parent


def for_embedded(config: LabConfig, beside: dict[str, str] | None = None) -> dict[str, Any]:
    """``beside``: component -> host:port of what belongs to no lane (``auditor``, ``nats-exporter``)."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    found["rule_files"] = [str(FOLDER / "rules" / "*.rules.yml")]
    lanes = [
        _target(config.url(lane, part.component).removeprefix("http://"), lane, _scaled(part.component))
        for lane in config.lanes
        for part in config.parts(lane)
        if part.component != BROKER
    ]
    lab = [_target(address, "", component) for component, address in (beside or {}).items()]
    found["scrape_configs"] = [
        {"job_name": "lanes", "honor_labels": True, "static_configs": lanes},
        {"job_name": "lab", "honor_labels": True, "static_configs": lab},
    ]
    return found


def _scaled(component: str) -> str:
    """Conductors are one component with several processes, as under compose."""
    return "conductor" if component.startswith("conductor-") else component


def _target(address: str, lane: str, component: str) -> dict[str, Any]:
    return {"targets": [address], "labels": {"lane": lane, "component": component}}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dashboards.prometheus", description=__doc__)
    parser.add_argument("--port-base", type=int, default=DEFAULT_PORT_BASE)
    parser.add_argument("--conductors", type=int, default=2)
    parser.add_argument("--beside", action="append", default=[], metavar="COMPONENT=HOST:PORT")
    told = parser.parse_args(arguments)
    beside = dict(each.split("=", 1) for each in told.beside)
    config = LabConfig(port_base=told.port_base, conductors=told.conductors)
    yaml.safe_dump(for_embedded(config, beside), sys.stdout, sort_keys=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
