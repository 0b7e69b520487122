"""What can be seen of executions: a read model in SQL that can be rebuilt, the entries of a history, and graphs.

Must not know orders nor AWS's API; both are built on it.
"""
