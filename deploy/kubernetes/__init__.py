"""Kubernetes manifests and the values of NATS's own Helm chart, made from the same tables as every other deployment.

Made by code so that both lanes get the same resources, probes and limits; the YAML is kept beside it, and is what is
applied.
"""
