"""Errors of datasets, named for what the caller does next."""


class DatasetError(Exception):
    """Give up: what was asked for is not there, or not in the form that was asked for. The message is for the user."""


class StoreUnreachable(Exception):
    """Try again: the store does not answer, or says that it cannot now."""
