"""What needs the attention of an operator: what has happened, when, what waits, and what to type."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cdk.settings import environment_named
from cli.cloud import words
from cli.cloud.causes import readable_cause
from cli.cloud.environment import Deployment
from cli.cloud.situation import Execution, Situation
from contract.runs import Mode
from contract.workflow import RunRecord

PATIENCE = timedelta(minutes=10)
"""Time in which notices get an execution: start_run starts one as soon as it has written them."""

RUNBOOK = "docs/operations.md"


@dataclass(frozen=True, kw_only=True)
class Attention:
    """Something that needs attention.

    Attributes
    ----------
    what
        What has happened, in sentences.
    commands
        Lines to type next.
    run_id
        The run whose log explains it; `None` if no run does.
    """

    what: str
    commands: tuple[str, ...] = ()
    run_id: str | None = None


def attention(deployment: Deployment, situation: Situation, now: datetime | None = None) -> list[Attention]:
    """List what needs attention, the most important first."""
    now = now or datetime.now(UTC)
    return [
        *_failure(deployment, situation, now),
        *_lease(deployment, situation),
        *_notices(deployment, situation, now),
        *_damage(deployment, situation),
        *_dead_letters(deployment, situation),
        *_alarms(situation, now),
        *_receivers(situation),
        *_budget(deployment, situation),
    ]


def failed_record(situation: Situation) -> RunRecord | None:
    """Return the record of the last run if it has failed, and nothing has made up for it."""
    recorded, complete = situation.recorded, situation.complete
    if recorded is None or not recorded.failed or (situation.holder and situation.holder.is_running):
        return None
    # The record of a later run may be missing.
    return None if complete and complete.run_id > recorded.run_id else recorded.record


def _failure(deployment: Deployment, situation: Situation, now: datetime) -> Iterator[Attention]:
    record, failed = failed_record(situation), situation.failed
    waits = _waits(deployment, situation)
    if record:
        ended = datetime.fromisoformat(record.finished_at)
        reason = words.sentence(readable_cause(record.reason or record.state))
        yield Attention(
            what=(
                f"The last run, {record.run_id} ({record.mode}), failed {_when(ended, now)}, at attempt "
                f"{record.attempt}. {reason} {waits}"
            ).rstrip(),
            commands=(
                deployment.line(f"logs --run {record.run_id}"),
                deployment.line(f"start --mode {_again(record.mode)}"),
            ),
            run_id=record.run_id,
        )
    elif failed and not (situation.holder and situation.holder.is_running) and not _is_recorded(situation, failed):
        reason, ended = words.sentence(failed.reason or "AWS gives no reason"), failed.ended or now
        yield Attention(
            what=(
                f"The execution {failed.name} ended as {failed.status} {_when(ended, now)}, and no run has succeeded "
                f"since then. {reason} {waits}"
            ).rstrip(),
            commands=(
                deployment.line(f"logs --hours {words.hours_since(ended, now)}"),
                deployment.line("start --mode update"),
            ),
        )


def _again(mode: str) -> str:
    """Return the mode of the run that makes up for a failed one."""
    return mode if mode in set(Mode) else Mode.UPDATE


def _is_recorded(situation: Situation, failed: Execution) -> bool:
    """Whether the last record is that of the failure, and says more; after a successful round it is not."""
    record = situation.recorded.record if situation.recorded else None
    return record is not None and not record.succeeded and record.execution == failed.arn


def _waits(deployment: Deployment, situation: Situation) -> str:
    """Say what waits after a failure, and what it waits for."""
    if not situation.notices:
        return ""
    verb = "waits" if situation.notices == 1 else "wait"
    schedule = ", the next schedule" if environment_named(deployment.environment).reconcile_at else ""
    return (
        f"Nothing is lost: {words.counted(situation.notices, 'file')} of notices {verb} for the next run, which the "
        f"next upload{schedule} or you will start."
    )


def _lease(deployment: Deployment, situation: Situation) -> Iterator[Attention]:
    holder = situation.holder
    if holder and not holder.is_running:
        yield Attention(
            what=(
                f"The execution {holder.name}, which holds the lease, has ended without releasing it. The next "
                "execution takes the lease over."
            ),
            commands=(deployment.line("start --mode update"),),
        )


def _notices(deployment: Deployment, situation: Situation, now: datetime) -> Iterator[Attention]:
    oldest = situation.oldest_notice
    if situation.holder or situation.gathering or oldest is None or failed_record(situation):
        return
    if now - oldest > PATIENCE:
        yield Attention(
            what=(
                f"{words.counted(situation.notices, 'file')} of notices wait, the oldest since "
                f"{_time(oldest, now)}, and no execution is running."
            ),
            commands=(deployment.line("start --mode update"),),
        )


def _damage(deployment: Deployment, situation: Situation) -> Iterator[Attention]:
    if situation.damage:
        yield Attention(what=situation.damage, commands=(deployment.line("start --mode update"),))


def _dead_letters(deployment: Deployment, situation: Situation) -> Iterator[Attention]:
    if letters := situation.dead_letters.total:
        yield Attention(
            what=(
                f"{words.counted(letters, 'message')} could not be processed: see what and why, then send them back or "
                "remove them."
            ),
            commands=(deployment.line("dead-letters"),),
        )


def _alarms(situation: Situation, now: datetime) -> Iterator[Attention]:
    for alarm in situation.alarms.raised if situation.alarms else ():
        yield Attention(
            what=(
                f"Alarm {alarm.name}, since {_time(alarm.since, now)}. {words.sentence(alarm.meaning)} "
                f"See {alarm.name} in {RUNBOOK}."
            )
        )


def _receivers(situation: Situation) -> Iterator[Attention]:
    if situation.receivers and situation.receivers.pending:
        yield Attention(
            what=(
                f"{', '.join(situation.receivers.pending)} gets no alarms: the subscription is not confirmed. Follow "
                'the link in the e-mail "AWS Notification - Subscription Confirmation"; if it is lost or older than '
                "two days, subscribe the address again in the console of SNS."
            )
        )
    if situation.receivers and situation.receivers.is_forgotten:
        yield Attention(
            what=(
                "Alarms are not sent: SNS no longer has the subscription of this environment's address. It was not "
                "confirmed within two days, or has been cancelled: subscribe the address again in the console of SNS."
            )
        )


def _budget(deployment: Deployment, situation: Situation) -> Iterator[Attention]:
    month = situation.month
    if month and month.is_over:
        yield Attention(
            what=(
                f"The jobs of {month.name} have cost {words.dollars(month.spent_usd)} USD, which is more than the "
                f"budget of {month.budget_usd:,.0f} USD for everything."
            ),
            commands=(deployment.line("runs --last 50"),),
        )


def _when(moment: datetime, now: datetime) -> str:
    return f"at {_time(moment, now)}"


def _time(moment: datetime, now: datetime) -> str:
    return f"{words.moment(moment)} ({words.ago(moment, now)})"
