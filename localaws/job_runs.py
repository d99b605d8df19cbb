"""Job runs: they pass through the states of EMR Serverless, with a real spark-submit on this machine in the middle."""

import logging
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyspark
from botocore.exceptions import BotoCoreError, ClientError
from moto.core.utils import utcnow
from moto.emrserverless.models import Application, JobRun

from localaws import processes
from localaws.account import LocalAws, LocalAwsError
from localaws.job_files import JobFiles
from localaws.job_logs import deliver, driver_streams, failure_reason, group_of, open_stream, stream_name
from localaws.metrics import Metrics, MetricValue
from localaws.spark_submit import LOCAL, S3Url, Submission, command

ENDED = frozenset({"SUCCESS", "FAILED", "CANCELLED"})

DEFAULT_CONCURRENT_RUNS, DEFAULT_QUEUE_MINUTES = 15, 360
"""Limits of AWS for an application that sets none: concurrent job runs, and the time that others wait."""

MACHINES = {"x86_64": "X86_64", "AMD64": "X86_64", "aarch64": "ARM64", "arm64": "ARM64"}
"""Machine as Python names it → architecture as EMR Serverless names it."""

LEAST_BILLED = timedelta(minutes=1)

METRIC_SECONDS = 60.0
"""Time between two values of the metrics of an application."""

SPARK_HOME = Path(pyspark.__file__).parent

logger = logging.getLogger(__name__)


class LocalApplication(Application):
    """An application, with the settings that moto forgets."""

    architecture: str | None = None
    scheduler_configuration: Mapping[str, Any] | None = None
    monitoring_configuration: Mapping[str, Any] | None = None


class LocalJobRun(JobRun):
    """A job run, with the times and the resources that moto does not keep."""

    submission: Submission
    application: LocalApplication
    started_at: datetime | None = None
    ended_at: datetime | None = None
    total_resource_utilization: Mapping[str, float] | None = None
    billed_resource_utilization: Mapping[str, float] | None  # type: ignore[assignment] # moto says it is never None

    def enter(self, state: str, details: str | None = None) -> None:
        """Enter a state; `None` keeps the details of the state before."""
        self.updated_at = utcnow()
        if state in ENDED:
            self.ended_at = self.updated_at
            duration = self.ended_at - (self.started_at or self.ended_at)
            self.total_execution_duration_seconds = int(duration.total_seconds())
        self.state_details = self.state_details if details is None else details
        self.state = state


def are_active(runs: Iterable[LocalJobRun]) -> bool:
    """Return whether any of these job runs has not ended."""
    return any(run.state not in ENDED for run in runs)


class JobRunner:
    """The job runs that wait and run, until the runner is closed."""

    def __init__(self, aws: LocalAws, metrics: Metrics) -> None:
        self._aws = aws
        self._metrics = metrics
        self._files = JobFiles(aws.folder / "staged")
        self._changed = threading.Condition()
        self._queues: dict[str, list[LocalJobRun]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._cancelled: set[str] = set()
        self._closed = False

    def start(self, run: LocalJobRun, submission: Submission, application: LocalApplication) -> None:
        """Put a job run into the queue of its application."""
        application.state = "STARTED"
        run.created_at = run.updated_at = utcnow()
        run.billed_resource_utilization = None
        run.submission, run.application = submission, application
        with self._changed:
            self._queues.setdefault(application.id, []).append(run)
        threading.Thread(target=self._live, args=(run,), daemon=True).start()

    def cancel(self, run: LocalJobRun) -> None:
        """End a job run in any state."""
        with self._changed:
            self._cancelled.add(run.id)
            run.enter("CANCELLING")
            process = self._processes.get(run.id)
            self._changed.notify_all()
        if process:
            threading.Thread(target=processes.end, args=(process,), daemon=True).start()

    def close(self) -> None:
        """End all job runs, and wait until their processes are gone."""
        with self._changed:
            self._closed = True
            running = list(self._processes.values())
            self._changed.notify_all()
        enders = [threading.Thread(target=processes.end, args=(process,)) for process in running]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()

    def _live(self, run: LocalJobRun) -> None:
        """Take a job run through its states, from the queue to its end."""
        try:
            if self._wait_in_queue(run):
                self._work(run)
        except (LocalAwsError, ClientError, BotoCoreError, OSError) as error:
            logger.warning("The job run %s failed: %s", run.id, error)
            run.enter("FAILED", f"Job failed before or after it ran: {error}")
        finally:
            with self._changed:
                self._queues[run.application.id].remove(run)
                self._changed.notify_all()
            if run.state not in ENDED:
                run.enter("CANCELLED", run.state_details or "Job run was cancelled.")

    def _wait_in_queue(self, run: LocalJobRun) -> bool:
        """Wait for a place; return `False` if the job run was cancelled or has waited too long."""
        scheduler, queue = run.application.scheduler_configuration or {}, self._queues[run.application.id]
        limit = scheduler.get("maxConcurrentRuns", DEFAULT_CONCURRENT_RUNS)
        minutes = scheduler.get("queueTimeoutMinutes", DEFAULT_QUEUE_MINUTES)
        with self._changed:
            if queue.index(run) >= limit:
                run.enter("QUEUED")
            in_time = self._changed.wait_for(lambda: self._is_over(run) or queue.index(run) < limit, minutes * 60)
            if not in_time:
                run.state_details = f"Job run was cancelled: it was queued for {minutes} minutes."
            return in_time and not self._is_over(run)

    def _is_over(self, run: LocalJobRun) -> bool:
        return self._closed or run.id in self._cancelled

    def _work(self, run: LocalJobRun) -> None:
        run.enter("SCHEDULED")
        _check_architecture(run.application)
        folder = self._aws.folder / "jobs" / run.id
        folder.mkdir(parents=True)
        try:
            exit_code = self._execute_with_log(run, folder)
        finally:  # AWS bills the workers of a failed job, too
            run.billed_resource_utilization = run.total_resource_utilization = _bill(run)
        if exit_code is not None and run.id not in self._cancelled:
            reason = failure_reason(exit_code, (folder / "stderr").read_text(errors="replace")) if exit_code else ""
            run.enter("FAILED" if exit_code else "SUCCESS", reason)

    def _execute_with_log(self, run: LocalJobRun, folder: Path) -> int | None:
        """Stage the files of a job, run it, and deliver its log, all under the role of the job.

        The exit code is `None` if the job was cancelled before it ran, or the local AWS ends.
        """
        role_arn = run.execution_role_arn
        monitoring = run.application.monitoring_configuration
        logs, group = self._aws.client("logs", role_arn), group_of(monitoring)
        streams = driver_streams(monitoring) if group else []
        names = {stream: stream_name(run.application.id, run.id, stream) for stream in streams}
        for name in names.values():
            open_stream(logs, str(group), name)
        paths = self._files.stage(self._aws.client("s3", role_arn), run.submission, folder)
        exit_code = self._execute(run, compose(self._aws, run.submission, paths, folder), folder)
        if exit_code is not None and not self._closed:
            for stream, name in names.items():
                deliver(logs, str(group), name, folder / stream)
        return None if self._closed else exit_code

    def _execute(self, run: LocalJobRun, line: list[str], folder: Path) -> int | None:
        """Run the process of a job to its end; return its exit code, or `None` if the job was cancelled before."""
        role_arn = run.execution_role_arn
        environment = compose_environment(self._aws, role_arn, run.submission, folder)
        with self._changed:
            if self._is_over(run):
                return None
            with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
                process = processes.start(line, folder, environment, stdout, stderr)
            self._processes[run.id] = process
            self._aws.processes[role_arn] = process.pid
            run.started_at = utcnow()
            run.enter("RUNNING")
        try:
            return self._wait(run, process)
        except subprocess.TimeoutExpired:
            run.state_details = f"Job run was cancelled: it ran for {run.execution_timeout_minutes} minutes."
            self.cancel(run)
            return process.wait()
        finally:
            processes.sweep(process)
            with self._changed:
                del self._processes[run.id]
                self._aws.processes.pop(role_arn, None)
            self._count_running(run.application)

    def _wait(self, run: LocalJobRun, process: "subprocess.Popen[bytes]") -> int:
        """Wait for the end of a process, and report every minute that it runs."""
        end = time.monotonic() + run.execution_timeout_minutes * 60
        while (left := end - time.monotonic()) > METRIC_SECONDS:
            self._count_running(run.application)
            try:
                return process.wait(METRIC_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        self._count_running(run.application)
        return process.wait(left)

    def _count_running(self, application: LocalApplication) -> None:
        """Report how many jobs of an application run, under the dimensions that EMR Serverless gives the metric."""
        with self._changed:
            running = sum(run.id in self._processes for run in self._queues.get(application.id, ()))
        dimensions = {"ApplicationId": application.id, "ApplicationName": application.name}
        self._metrics.put(MetricValue("AWS/EMRServerless", "RunningJobs", dimensions, running))


def compose(aws: LocalAws, submission: Submission, paths: Mapping[S3Url, Path], folder: Path) -> list[str]:
    """Return the command of a job on this machine."""
    scratch = folder / "scratch"
    scratch.mkdir()
    local = {
        "spark.driver.extraClassPath": ":".join(str(jar) for jar in aws.spark_jars),
        "spark.driver.extraJavaOptions": f"{LOCAL['spark.driver.extraJavaOptions']} -Djava.io.tmpdir={scratch}",
        "spark.local.dir": str(scratch),
        "spark.hadoop.fs.s3a.endpoint": aws.endpoint,
        "spark.hadoop.fs.s3a.buffer.dir": str(scratch),
    }
    return command(submission, paths, SPARK_HOME, local)


def compose_environment(aws: LocalAws, role_arn: str, submission: Submission, folder: Path) -> dict[str, str]:
    """Return the environment of a job: its role and its own variables, and none of the variables of this process.

    Raises
    ------
    LocalAwsError
        If this process has no JAVA_HOME.
    """
    if not (java_home := os.environ.get("JAVA_HOME")):
        raise LocalAwsError("Spark jobs need Java: set JAVA_HOME before the local AWS is started.")
    # The Python without installed packages stands for the Python of EMR's image.
    python = Path(os.path.realpath(sys._base_executable))  # type: ignore[attr-defined] # noqa: SLF001 -- no other name
    return {
        **aws.environment(role_arn),
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "JAVA_HOME": java_home,
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        **submission.environment,
    }


def _check_architecture(application: LocalApplication) -> None:
    wanted = application.architecture or "X86_64"
    if MACHINES.get(platform.machine()) != wanted:
        raise LocalAwsError(
            f"The application is for {wanted}, and this machine is {platform.machine()}: the packages of its workers "
            "can't run here. Deploy an application whose architecture is that of the machine."
        )


def _bill(run: LocalJobRun) -> dict[str, float]:
    """Return the resources that AWS bills: a minute of the driver and one executor at least; their disks are free."""
    hours = max(LEAST_BILLED, utcnow() - (run.started_at or utcnow())).total_seconds() / 3600
    return {
        "vCPUHour": round(run.submission.size.vcpus * hours, 3),
        "memoryGBHour": round(run.submission.size.memory_gb * hours, 3),
        "storageGBHour": 0.0,
    }
