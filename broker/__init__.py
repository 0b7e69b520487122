"""NATS JetStream, as both wirings use it: connecting, publishing, reading, and the server's own configuration.

Must never import a wiring, a service or the lab: it knows subjects and bytes, not orders.
"""
