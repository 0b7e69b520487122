"""What belongs to no lane: the namespace, and the live auditor. Prometheus and Grafana are the cluster's own."""

import json

from deploy.kubernetes.workloads import NAMESPACE, PORT, WATCHING, Object, metadata, pod, secret
from lab.topology import DOOR, LANES, SERVICES


def namespace() -> Object:
    """Pods that could get at their node are refused; those of other charts that ask for too much are told of."""
    labels = {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/warn": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def auditor() -> Object:
    urls = {lane: {each: f"http://{lane}-{each}:{PORT}" for each in (DOOR, *SERVICES)} for lane in LANES}
    container = {
        "command": ["python", "-m", "lab.live"],
        "ports": [{"name": "http", "containerPort": PORT}],
        "env": [
            {"name": "LAB_AUDIT_LANES", "value": json.dumps(urls)},
            {"name": "LAB_AUDIT_HOST", "value": "0.0.0.0"},
            {"name": "LAB_AUDIT_PORT", "value": str(PORT)},
            secret("LAB_AUDIT_ADMIN_TOKEN", "LAB_ADMIN_TOKEN"),
        ],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
    }
    named = metadata("auditor", WATCHING, "auditor")
    spec = {
        "replicas": 1,
        "strategy": {"type": "Recreate"},  # two would count each order-second twice
        "selector": {"matchLabels": named["labels"]},
        "template": pod(WATCHING, "auditor", container),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": named, "spec": spec}
