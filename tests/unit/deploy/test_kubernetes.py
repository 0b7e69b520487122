"""The manifests are current, valid by Kubernetes' own schemas, alike for both lanes, and hold no secret."""

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.kubernetes.__main__ import FILES, FOLDER
from deploy.kubernetes.workloads import IMAGE, components, replicas
from lab.target.compose_secrets import names
from lab.topology import LANES

VERSION = "1.36"
OBJECTS: list[dict[str, Any]] = [
    each for path in sorted(FOLDER.glob("manifests/*.yaml")) for each in yaml.safe_load_all(path.read_text())
]
WORKLOADS = [each for each in OBJECTS if each["kind"] in ("Deployment", "StatefulSet", "Job")]


def named(each: dict[str, Any]) -> str:
    return f"{each['kind']} {each['metadata']['name']}"


def of(kind: str, name: str) -> dict[str, Any]:
    (found,) = (each for each in OBJECTS if each["kind"] == kind and each["metadata"]["name"] == name)
    return found


def pod(each: dict[str, Any]) -> dict[str, Any]:
    template: dict[str, Any] = each["spec"]["template"]
    return template


def test_the_files_are_current() -> None:
    assert FILES.outdated() == []


@pytest.mark.parametrize("each", OBJECTS, ids=named)
def test_an_object_is_what_kubernetes_expects(each: dict[str, Any]) -> None:
    kubernetes_validate.validate(each, VERSION, strict=True)


def test_an_object_that_is_wrong_is_found() -> None:
    wrong = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


@pytest.mark.parametrize("lane", LANES)
def test_every_component_runs_and_has_a_name(lane: str) -> None:
    for component, module in components(lane):
        deployment = of("Deployment", f"{lane}-{component}")
        (container,) = pod(deployment)["spec"]["containers"]
        assert container["command"] == ["python", "-m", module]
        assert of("Service", f"{lane}-{component}")["spec"]["selector"] == pod(deployment)["metadata"]["labels"]
        scaled = ("replicas" not in deployment["spec"]) == (replicas(component)[1] > 1)
        assert scaled, "either the autoscaler says how many, or the deployment"


def test_both_lanes_get_the_same() -> None:
    given = {
        lane: {
            each["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"].__repr__()
            for each in WORKLOADS
            if each["metadata"]["labels"]["lane"] == lane and each["kind"] == "Deployment"
        }
        for lane in LANES
    }
    assert given["choreography"] == given["orchestration"]
    assert len(given["choreography"]) == 1
    brokers = [yaml.safe_load((FOLDER / f"{lane}-broker.values.yaml").read_text()) for lane in LANES]
    for same in ("cluster", "jetstream"):
        assert brokers[0]["config"][same] == brokers[1]["config"][same]
    assert brokers[0]["container"]["merge"] == brokers[1]["container"]["merge"]


@pytest.mark.parametrize("each", WORKLOADS, ids=named)
def test_a_pod_is_locked_down(each: dict[str, Any]) -> None:
    spec = pod(each)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}
        assert container["image"] == IMAGE or re.fullmatch(r"postgres:\d+\.\d+-\w+", container["image"])


def test_passwords_come_from_the_secret_that_the_lab_makes() -> None:
    asked = {
        entry["valueFrom"]["secretKeyRef"]["key"]
        for each in WORKLOADS
        for entry in pod(each)["spec"]["containers"][0].get("env", ())
        if "valueFrom" in entry
    }
    for lane in LANES:
        values = yaml.safe_load((FOLDER / f"{lane}-broker.values.yaml").read_text())
        env = values["container"]["env"].values()
        asked |= {each["valueFrom"]["secretKeyRef"]["key"] for each in env if isinstance(each, dict)}
        for user in values["config"]["merge"]["authorization"]["users"]:
            assert re.fullmatch(r"<< \$[A-Z_]+ >>", user["password"])
    assert asked <= set(names())


def test_no_component_knows_another_ones_password() -> None:
    for lane in LANES:
        for component, _ in components(lane):
            env = pod(of("Deployment", f"{lane}-{component}"))["spec"]["containers"][0]["env"]
            keys = [each["valueFrom"]["secretKeyRef"]["key"] for each in env if "valueFrom" in each]
            own = {key for key in keys if key.endswith("_PASSWORD")}
            read_model = "READ_MODEL" if component == "door" else component.upper()
            assert all(component.upper() in key or read_model in key for key in own), own
