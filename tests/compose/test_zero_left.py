"""The last module, by its name: it takes everything down, as the README says."""

import pytest

from tests.compose.deployment import PROJECT, Deployment

pytestmark = [pytest.mark.compose, pytest.mark.timeout(300)]


def test_down_leaves_nothing(deployment: Deployment) -> None:
    deployment.readme("docker compose down --volumes")
    mine = ("--filter", f"label=com.docker.compose.project={PROJECT}", "--quiet")
    for things in (("ps", "--all"), ("volume", "ls"), ("network", "ls")):
        assert not deployment.must(*deployment.docker, *things, *mine).strip()
