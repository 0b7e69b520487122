"""AWS's own Step Functions API (JSON 1.0) over HTTP, so that boto3, the AWS CLI and any SDK are its clients.

Must never decide what an execution does next: it stores starts, wake messages and machines, and tells what is stored.
"""
