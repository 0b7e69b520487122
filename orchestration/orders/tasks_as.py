"""How the order machine reaches the services on AWS: a word that a command knows before it loads anything else."""

from enum import StrEnum


class TasksAs(StrEnum):
    HTTP = "http"
    LAMBDA = "lambda"
