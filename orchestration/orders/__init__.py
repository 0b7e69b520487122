"""The order machine of the lab, its front door, and what its executions mean for an order.

Must never be imported by ``runtime``, ``tasks``, ``api`` or ``asl``: to them an order is one execution among others.
"""
