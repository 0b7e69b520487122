"""Tasks that a person answers: the request is in the history, and the door shows it; there is nobody to call."""

from orchestration.asl.protocol import RunTask, TaskFailed, TaskSubmitted
from orchestration.tasks.registry import Told


class PersonTasks:
    """Takes every request; the answer comes as a callback with the task's token."""

    def told_at_once(self, task: RunTask) -> Told:
        if task.token is None:
            return TaskFailed(task.entry, "States.Runtime", f"{task.resource} only makes sense with .waitForTaskToken")
        return TaskSubmitted(task.entry, {})

    async def run(self, execution: str, task: RunTask) -> Told:
        return self.told_at_once(task)
