"""A whole lab in a folder and on ports of its own, for tests that kill its processes."""

from pathlib import Path

import pytest

from lab.topology import LabConfig
from tests.free_ports import free_port_base


@pytest.fixture
def lab_config(tmp_path: Path) -> LabConfig:
    """Both lanes, hardened, a tenth of the waits; change it with ``dataclasses.replace``."""
    return LabConfig(home=tmp_path / "lab", port_base=free_port_base(), time_scale=0.1)
