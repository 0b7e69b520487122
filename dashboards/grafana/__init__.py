"""Grafana's dashboards as code: boards are plain data, drawn by one module, kept as JSON beside the code."""
