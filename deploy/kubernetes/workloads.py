"""A lane as Kubernetes objects: a Deployment, Service and autoscaler for each component. Pure: names in, objects out.

Components are those of ``lab.topology``. What differs between lanes is which components there are, and nothing else.
"""

from typing import Any, Final

from lab.topology import DOOR, SERVICES, LabConfig

Object = dict[str, Any]

NAMESPACE: Final = "saga-lab"
IMAGE: Final = "saga-lab:0.1.0"
PORT: Final = 8000
SECRETS: Final = "lab-secrets"
WATCHING: Final = "watching"
MONITORING: Final = "monitoring"  # the namespace of the cluster's own Prometheus
CONDUCTOR: Final = "conductor"
# Replicas at rest and at most. One door, since its read model is its own; the watch leads alone.
ALONE: Final = (1, 1)
SEVERAL: Final = (2, 10)
RESOURCES: Final = {"requests": {"cpu": "250m", "memory": "192Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}
SCALE_AT_CPU_PERCENT: Final = 70
LOCKED_DOWN: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
UNPRIVILEGED: Final = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def components(lane: str) -> tuple[tuple[str, str], ...]:
    """(component, module), each once: conductors are replicas of one component."""
    found: dict[str, str] = {}
    for part in LabConfig().parts(lane):
        found.setdefault(CONDUCTOR if part.component.startswith(CONDUCTOR) else part.component, part.module)
    return tuple(found.items())


def lane_objects(lane: str) -> list[Object]:
    found = [_settings(lane), *_postgres(lane), _databases(lane), _streams(lane)]
    for component, module in components(lane):
        least, most = replicas(component)
        found += [_deployment(lane, component, module, least), _service(lane, component)]
        if most > 1:
            found += [_autoscaler(lane, component, least, most), _budget(lane, component)]
    return [*found, *_policies(lane)]


def replicas(component: str) -> tuple[int, int]:
    return SEVERAL if component in (*SERVICES, CONDUCTOR) else ALONE


def labels(lane: str, component: str) -> dict[str, str]:
    return {"app.kubernetes.io/part-of": "saga-lab", "lane": lane, "component": component}


def metadata(name: str, lane: str, component: str) -> Object:
    return {"name": name, "namespace": NAMESPACE, "labels": labels(lane, component)}


def secret(variable: str, key: str) -> Object:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": SECRETS, "key": key}}}


def pod(lane: str, component: str, container: Object, **more: Any) -> Object:
    """A pod's template around its one container; its name is the component's."""
    container = {
        "name": component,
        "image": IMAGE,
        "securityContext": LOCKED_DOWN,
        "resources": RESOURCES,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        **container,
    }
    return {
        "metadata": {
            "labels": labels(lane, component),
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": str(PORT)},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": UNPRIVILEGED,
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}}],
            **more,
        },
    }


def _settings(lane: str) -> Object:
    urls = {f"LAB_{service.upper()}_URL": f"http://{lane}-{service}:{PORT}" for service in SERVICES}
    told = {
        "LAB_LANE": lane,
        "LAB_BROKER_URL": f"nats://{lane}-broker:4222",
        "LAB_PRACTICES": "hardened",
        "LAB_TIME_SCALE": "1",
        **urls,
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(f"{lane}-settings", lane, "all"),
        "data": told,
    }


def _deployment(lane: str, component: str, module: str, count: int) -> Object:
    container = {
        "command": ["python", "-m", module],
        "ports": [{"name": "http", "containerPort": PORT}],
        "envFrom": [{"configMapRef": {"name": f"{lane}-settings"}}],
        "env": _environment(lane, component, module),
        "startupProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 2, "failureThreshold": 45},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 3},
        # A broker that is away must not restart the processes that wait for it: alive is not ready.
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10, "timeoutSeconds": 5},
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels(lane, component)},
    }
    spec: Object = {
        "selector": {"matchLabels": labels(lane, component)},
        "template": pod(
            lane, component, container, topologySpreadConstraints=[spread], terminationGracePeriodSeconds=5
        ),
    }
    if replicas(component) == ALONE:
        spec |= {"replicas": count, "strategy": {"type": "Recreate"}}  # else the autoscaler's to say
    return _object("apps/v1", "Deployment", lane, component, spec)


def _environment(lane: str, component: str, module: str) -> list[Object]:
    """Only the secrets that this component needs. ``$(NAME)`` is filled in by Kubernetes from the entries before it."""
    prefix = lane.upper()
    told: list[Object] = [
        {"name": "LAB_COMPONENT", "value": component},
        secret("LAB_ADMIN_TOKEN", "LAB_ADMIN_TOKEN"),
        secret("LAB_APPROVAL_SECRET", "LAB_APPROVAL_SECRET"),
    ]
    if module != "services":
        told.append({"name": "LAB_BROKER_USER", "value": component})
        told.append(secret("LAB_BROKER_PASSWORD", f"{prefix}_BROKER_{component.upper()}_PASSWORD"))
    if component in SERVICES:
        told += _database(lane, component, "LAB_LEDGER_URL")
    if component == DOOR and lane == "orchestration":
        told += _database(lane, "read_model", "LAB_READ_MODEL_URL")
    if component == CONDUCTOR:
        told.append({"name": "AWS_ENDPOINT_URL_SFN", "value": f"http://{lane}-door:{PORT}"})
    return told


def _database(lane: str, role: str, variable: str) -> list[Object]:
    password = f"{role.upper()}_DATABASE_PASSWORD"
    return [
        secret(password, f"{lane.upper()}_DATABASE_{role.upper()}_PASSWORD"),
        {"name": variable, "value": f"postgresql://{role}:$({password})@{lane}-postgres/{role}"},
    ]


def _service(lane: str, component: str) -> Object:
    ports = [{"name": "http", "port": PORT, "targetPort": "http"}]
    return _object("v1", "Service", lane, component, {"selector": labels(lane, component), "ports": ports})


def _autoscaler(lane: str, component: str, least: int, most: int) -> Object:
    use = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": SCALE_AT_CPU_PERCENT}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{lane}-{component}"},
        "minReplicas": least,
        "maxReplicas": most,
        "metrics": [{"type": "Resource", "resource": use}],
    }
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", lane, component, spec)


def _budget(lane: str, component: str) -> Object:
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": labels(lane, component)}}
    return _object("policy/v1", "PodDisruptionBudget", lane, component, spec)


def _roles(lane: str) -> tuple[str, ...]:
    return (*SERVICES, *(("read_model",) if lane == "orchestration" else ()))


def _databases(lane: str) -> Object:
    """Once: a role and a database for each service, and the migrations."""
    prefix = lane.upper()
    env = [
        secret("POSTGRES_PASSWORD", f"{prefix}_DATABASE_POSTGRES_PASSWORD"),
        {
            "name": "LAB_DATABASE_ADMIN_URL",
            "value": f"postgresql://postgres:$(POSTGRES_PASSWORD)@{lane}-postgres/postgres",
        },
        *(each for role in _roles(lane) for each in _database(lane, role, f"{role.upper()}_URL")),
        {"name": "LAB_LEDGER_URLS", "value": " ".join(f"$({service.upper()}_URL)" for service in SERVICES)},
    ]
    if "read_model" in _roles(lane):
        env.append({"name": "LAB_READ_MODEL_URL", "value": "$(READ_MODEL_URL)"})
    return _job(lane, "databases", ["python", "-m", "services.ledger.databases"], env)


def _streams(lane: str) -> Object:
    """Once: streams and consumers, each on three servers."""
    env = [
        {"name": "LAB_BROKER_REPLICAS", "value": "3"},
        {"name": "LAB_BROKER_USER", "value": "lab"},
        secret("LAB_BROKER_PASSWORD", f"{lane.upper()}_BROKER_LAB_PASSWORD"),
    ]
    return _job(lane, "streams", ["python", "-m", "lab.target.streams"], env)


def _job(lane: str, name: str, command: list[str], env: list[Object]) -> Object:
    container = {"command": command, "envFrom": [{"configMapRef": {"name": f"{lane}-settings"}}], "env": env}
    template = pod(lane, name, container, restartPolicy="OnFailure")
    return _object("batch/v1", "Job", lane, name, {"backoffLimit": 20, "template": template})


def _postgres(lane: str) -> list[Object]:
    """One server, for a trial: a real deployment points the same names at its own PostgreSQL.

    Connections: a pool of 4 and 4 more, for 10 replicas of 3 services, and the read model's 8: 248.
    """
    container = {
        "image": "postgres:17.6-bookworm",
        "args": ["-c", "max_connections=300", "-c", "synchronous_commit=on"],
        "env": [
            secret("POSTGRES_PASSWORD", f"{lane.upper()}_DATABASE_POSTGRES_PASSWORD"),
            {"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"},
        ],
        "ports": [{"name": "postgres", "containerPort": 5432}],
        "readinessProbe": {"exec": {"command": ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"]}},
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/postgresql/data"},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "run", "mountPath": "/var/run/postgresql"},
        ],
    }
    template = pod(
        lane,
        "postgres",
        container,
        securityContext={**UNPRIVILEGED, "runAsUser": 999, "runAsGroup": 999, "fsGroup": 999},
        volumes=[{"name": "tmp", "emptyDir": {}}, {"name": "run", "emptyDir": {"sizeLimit": "1Mi"}}],
    )
    template["metadata"].pop("annotations")
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}},
    }
    selector = labels(lane, "postgres")
    spec = {
        "serviceName": f"{lane}-postgres",
        "replicas": 1,
        "selector": {"matchLabels": selector},
        "template": template,
        "volumeClaimTemplates": [claim],
    }
    ports = [{"name": "postgres", "port": 5432}]
    return [
        _object("apps/v1", "StatefulSet", lane, "postgres", spec),
        _object("v1", "Service", lane, "postgres", {"clusterIP": "None", "selector": selector, "ports": ports}),
    ]


def _policies(lane: str) -> list[Object]:
    """No lane reaches the other; from other namespaces only its door is reached, and monitoring reaches all."""
    own: Object = {"podSelector": {"matchLabels": {"lane": lane}}}
    watching: Object = {"podSelector": {"matchLabels": {"lane": WATCHING}}}
    monitoring: Object = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": MONITORING}}}
    anybody: Object = {"namespaceSelector": {}}
    return [
        _policy(lane, "own-lane", {"lane": lane}, [own, watching, monitoring]),
        _policy(lane, "open-door", labels(lane, DOOR), [anybody]),
    ]


def _policy(lane: str, name: str, pods: dict[str, str], sources: list[Object]) -> Object:
    spec = {"podSelector": {"matchLabels": pods}, "policyTypes": ["Ingress"], "ingress": [{"from": sources}]}
    return _object("networking.k8s.io/v1", "NetworkPolicy", lane, name, spec)


def _object(api: str, kind: str, lane: str, component: str, spec: Object) -> Object:
    named = metadata(f"{lane}-{component}", lane, component)
    return {"apiVersion": api, "kind": kind, "metadata": named, "spec": spec}
