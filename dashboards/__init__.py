"""What a team watches: Prometheus's configuration and rules, Grafana's dashboards as code and as JSON.

Nothing in the lab knows this package; it names what the processes expose, and a test compares the two.
"""
