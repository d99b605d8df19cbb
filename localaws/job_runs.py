"""A job run: through the states that EMR Serverless has, with a real spark-submit on this machine in the middle."""

import logging
import platform
import subprocess
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.utils import utcnow
from moto.emrserverless.models import Application, JobRun

from localaws import processes
from localaws.account import REGION, LocalAws, LocalAwsError
from localaws.job_files import JobFiles
from localaws.job_logs import STREAMS, deliver, group_of, open_stream, reason, stream_name
from localaws.spark_home import SPARK_HOME, java_home, python_folder
from localaws.spark_submit import LOCAL, S3Url, Submission, command

ENDED = frozenset({"SUCCESS", "FAILED", "CANCELLED"})

MOST_AT_ONCE, PATIENCE_MINUTES = 15, 360
"""Of an application that doesn't say how many jobs may run at once, and how long others wait: what AWS takes."""

MACHINES = {"x86_64": "X86_64", "AMD64": "X86_64", "aarch64": "ARM64", "arm64": "ARM64"}

LEAST_BILLED = timedelta(minutes=1)

logger = logging.getLogger(__name__)


class App(Application):
    """An application, with what moto forgets."""

    architecture: str | None = None
    scheduler_configuration: Mapping[str, Any] | None = None
    monitoring_configuration: Mapping[str, Any] | None = None


class Run(JobRun):
    """A job run, with what moto has no use for."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    total_resource_utilization: Mapping[str, float] | None = None
    billed_resource_utilization: Mapping[str, float] | None  # type: ignore[assignment]


def are_running(runs: Iterable[Run]) -> bool:
    """Say whether any of these has not ended."""
    return any(run.state not in ENDED for run in runs)


class Jobs:
    """The jobs that wait and run."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self._files = JobFiles(aws.folder / "staged")
        self._changed = threading.Condition()
        self._queues: dict[str, list[Run]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._cancelled: set[str] = set()
        self._closed = False

    def start(self, run: Run, submission: Submission, application: App) -> None:
        """Let a job take its way."""
        application.state = "STARTED"
        run.created_at = run.updated_at = utcnow()
        run.billed_resource_utilization = None
        with self._changed:
            self._queues.setdefault(application.id, []).append(run)
        threading.Thread(target=self._live, args=(run, submission, application), daemon=True).start()

    def cancel(self, run: Run) -> None:
        """Have a job end, wherever it stands."""
        with self._changed:
            self._cancelled.add(run.id)
            _go_on(run, "CANCELLING")
            process = self._processes.get(run.id)
            self._changed.notify_all()
        if process:
            threading.Thread(target=processes.end, args=(process,), daemon=True).start()

    def close(self) -> None:
        """End all."""
        with self._changed:
            self._closed = True
            running = list(self._processes.values())
            self._changed.notify_all()
        enders = [threading.Thread(target=processes.end, args=(process,)) for process in running]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()

    def _live(self, run: Run, submission: Submission, application: App) -> None:
        """Take a job through its states, from the queue to its end."""
        try:
            if self._wait_for_turn(run, application):
                self._work(run, submission, application)
        except (LocalAwsError, ClientError, BotoCoreError, OSError) as error:
            logger.warning("The job %s failed: %s", run.id, error)
            _go_on(run, "FAILED", f"Job failed before or after it ran: {error}")
        finally:
            with self._changed:
                self._queues[application.id].remove(run)
                self._changed.notify_all()
            if run.state not in ENDED:
                _go_on(run, "CANCELLED", run.state_details or "Job run was cancelled.")

    def _wait_for_turn(self, run: Run, application: App) -> bool:
        """Wait while as many jobs run as may run at once.

        Returns
        -------
        bool
            Whether the job is to run; False if it was cancelled, or waited too long.
        """
        scheduler: Mapping[str, Any] = application.scheduler_configuration or {}
        most, patience = (
            scheduler.get("maxConcurrentRuns", MOST_AT_ONCE),
            scheduler.get("queueTimeoutMinutes", PATIENCE_MINUTES),
        )
        with self._changed:
            if self._queues[application.id].index(run) >= most:
                _go_on(run, "QUEUED")
            came = self._changed.wait_for(
                lambda: self._is_over(run) or self._queues[application.id].index(run) < most, patience * 60
            )
            if not came:
                run.state_details = f"Job run was cancelled: it was queued for {patience} minutes."
            return came and not self._is_over(run)

    def _is_over(self, run: Run) -> bool:
        return self._closed or run.id in self._cancelled

    def _work(self, run: Run, submission: Submission, application: App) -> None:
        _go_on(run, "SCHEDULED")
        _check_machine(application)
        folder = self._aws.folder / "jobs" / run.id
        folder.mkdir(parents=True)
        try:
            exit_code = self._execute_with_log(run, submission, application, folder)
        finally:  # it had its machines, whatever has become of it
            run.billed_resource_utilization = run.total_resource_utilization = _bill(run, submission)
        if exit_code is not None and run.id not in self._cancelled:
            stderr = (folder / "stderr").read_text(errors="replace")
            _go_on(run, "FAILED" if exit_code else "SUCCESS", reason(exit_code, stderr) if exit_code else "")

    def _execute_with_log(self, run: Run, submission: Submission, application: App, folder: Path) -> int | None:
        """Fetch what is shipped, run it, and deliver what it says; all of it under the role of the job."""
        role_arn = run.execution_role_arn
        logs, group = self._aws.client("logs", role_arn), group_of(application.monitoring_configuration)
        names = {stream: stream_name(application.id, run.id, stream) for stream in STREAMS} if group else {}
        for name in names.values():
            open_stream(logs, str(group), name)
        paths = self._files.stage(self._aws.client("s3", role_arn), submission, folder)
        exit_code = self._execute(run, compose(self._aws, submission, paths, folder), submission, folder)
        if exit_code is not None and not self._closed:
            for stream, name in names.items():
                deliver(logs, str(group), name, folder / stream)
        return None if self._closed else exit_code

    def _execute(self, run: Run, line: list[str], submission: Submission, folder: Path) -> int | None:
        """Run the process of a job to its end.

        Returns
        -------
        int or None
            Its exit code; None if it was cancelled before.
        """
        role_arn = run.execution_role_arn
        environment = compose_environment(self._aws, role_arn, submission, folder)
        with self._changed:
            if self._is_over(run):
                return None
            process = self._processes[run.id] = processes.start(line, folder, environment)
            self._aws.processes[role_arn] = process.pid
            run.started_at = utcnow()
            _go_on(run, "RUNNING")
        try:
            return process.wait(run.execution_timeout_minutes * 60)
        except subprocess.TimeoutExpired:
            run.state_details = f"Job run was cancelled: it ran for {run.execution_timeout_minutes} minutes."
            self.cancel(run)
            return process.wait()
        finally:
            processes.sweep(process)
            with self._changed:
                del self._processes[run.id]
                self._aws.processes.pop(role_arn, None)


def compose(aws: LocalAws, submission: Submission, paths: Mapping[S3Url, Path], folder: Path) -> list[str]:
    """Compose the command of a job for this machine."""
    scratch = folder / "scratch"
    scratch.mkdir()
    local = {
        "spark.driver.extraClassPath": ":".join(str(jar) for jar in aws.spark_jars),
        "spark.driver.extraJavaOptions": f"{LOCAL['spark.driver.extraJavaOptions']} -Djava.io.tmpdir={scratch}",
        "spark.local.dir": str(scratch),
        "spark.hadoop.fs.s3a.endpoint": aws.endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": REGION,
        "spark.hadoop.fs.s3a.buffer.dir": str(scratch),
    }
    return command(submission, paths, SPARK_HOME, local)


def compose_environment(aws: LocalAws, role_arn: str, submission: Submission, folder: Path) -> dict[str, str]:
    """Compose the environment of a job: its role, its own variables, and nothing of whoever started all this."""
    return {
        **aws.environment(role_arn),
        "PATH": f"{python_folder()}:/usr/bin:/bin",
        "HOME": str(folder),
        "JAVA_HOME": java_home(),
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        **submission.environment,
    }


def _check_machine(application: App) -> None:
    wanted = application.architecture or "X86_64"
    if MACHINES.get(platform.machine()) != wanted:
        raise LocalAwsError(
            f"The application is for {wanted}, and this machine is {platform.machine()}: the packages of its workers "
            "can't run here. Deploy an environment whose architecture is that of the machine."
        )


def _go_on(run: Run, state: str, details: str | None = None) -> None:
    """Enter the next state."""
    run.updated_at = utcnow()
    if state in ENDED:
        run.ended_at = run.updated_at
        run.total_execution_duration_seconds = int((run.ended_at - (run.started_at or run.ended_at)).total_seconds())
    run.state_details = run.state_details if details is None else details
    run.state = state


def _bill(run: Run, submission: Submission) -> dict[str, float]:
    """Say what AWS would bill: at least a minute of the driver and one executor, whose disks cost nothing."""
    hours = max(LEAST_BILLED, utcnow() - (run.started_at or utcnow())).total_seconds() / 3600
    size = submission.size
    return {
        "vCPUHour": round(size.vcpus * hours, 3),
        "memoryGBHour": round(size.memory_gb * hours, 3),
        "storageGBHour": 0.0,
    }
