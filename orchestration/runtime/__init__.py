"""The durable runtime: histories in JetStream, and the worker that drives executions from them.

Must never know orders, HTTP or AWS's API: an execution has an id, a machine and an input.
"""
