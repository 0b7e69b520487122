"""Datasets of distributed Maps: items are read lazily, results written, in a local folder or by the S3 protocol.

Must never know an execution or a map run.
"""
