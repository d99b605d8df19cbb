"""Schedules, which start executions at times of day. No schedule fires here: a rehearsal takes minutes."""

import re

from localaws.account import LocalAwsError
from localaws.resources.resource import Made, Maker, Resource

DAILY = re.compile(r"cron\((\d|[1-5]\d) (\d|1\d|2[0-3]) \* \* \? \*\)")
"""The expressions that are understood here: once a day."""


def _schedule(resource: Resource) -> Made:
    scheduler = resource.client("scheduler")
    name = resource.name("Name", longest=64)
    settings = resource.take_all(
        "Description FlexibleTimeWindow ScheduleExpression ScheduleExpressionTimezone State Target"
    )
    if not DAILY.fullmatch(settings["ScheduleExpression"]):
        raise LocalAwsError(f"The local AWS does not know the schedule {settings['ScheduleExpression']}.")
    if resource.before:
        scheduler.update_schedule(Name=name, **settings)
    else:
        scheduler.create_schedule(Name=name, **settings)
    resource.undo(scheduler.delete_schedule, Name=name)
    return Made(name, {"Arn": scheduler.get_schedule(Name=name)["Arn"]})


MAKERS: dict[str, Maker] = {"AWS::Scheduler::Schedule": _schedule}
