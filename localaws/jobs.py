"""EMR Serverless: an application is a name and its settings, a job run is a real spark-submit on this machine."""

import re
import threading
from typing import TYPE_CHECKING, Any, cast

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.emrserverless import models
from moto.emrserverless.exceptions import AccessDeniedException, ValidationException
from moto.emrserverless.models import EMRServerlessBackend
from moto.emrserverless.responses import EMRServerlessResponse

from localaws import authorization
from localaws.account import LocalAws, LocalAwsError
from localaws.job_logs import group_of
from localaws.job_runs import App, Jobs, Run, are_running
from localaws.patches import replace
from localaws.spark_submit import Submission

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE = "emr-serverless.amazonaws.com"

SETTINGS = ("architecture", "schedulerConfiguration", "monitoringConfiguration")
"""Of an application, which moto forgets."""

KNOWN_SETTINGS = frozenset(
    {
        *("name", "releaseLabel", "type", "clientToken", "tags", "maximumCapacity"),
        *("autoStartConfiguration", "autoStopConfiguration", *SETTINGS),
    }
)

SPARK_RELEASES = r"emr-spark-8\.\d{1,2}\.0"
"""Labels of the releases that hold Spark alone."""

KNOWN_RELEASE = "emr-7.0.0"
"""A label that moto takes."""

IDLE_MINUTES = 15
"""After which an application stops that doesn't say when."""

_jobs: dict[int, Jobs] = {}
"""Port of a local AWS → its jobs."""


def install(aws: LocalAws) -> None:
    """Let moto's EMR Serverless run jobs."""
    jobs = _jobs[aws.port] = Jobs(aws)
    _set_constant("APPLICATION_STATUS", before="STARTED", now="CREATED")
    _set_constant("JOB_STATUS", before="SUCCESS", now="SUBMITTED")
    replace(models, "Application", App, because="moto's has no place for what it forgets")
    replace(models, "JobRun", Run, because="moto's has no times of its own")
    _take_spark_releases()
    _keep_settings()
    _follow_applications(aws)
    _run_jobs(jobs)


def close(aws: LocalAws) -> None:
    """End all jobs, and wait until their processes are gone."""
    if aws.port in _jobs:
        _jobs.pop(aws.port).close()


def _set_constant(name: str, *, before: str, now: str) -> None:
    """Begin where AWS does: moto's applications and jobs are done as soon as they are made."""
    if getattr(models, name, None) != before:
        raise LocalAwsError(f"moto.emrserverless.models.{name} is no longer {before}.")
    setattr(models, name, now)


def _take_spark_releases() -> None:
    def create_application(  # noqa: PLR0913, PLR0917 -- moto's
        self: EMRServerlessBackend,
        name: str,
        release_label: str,
        application_type: str,
        client_token: str,
        initial_capacity: str,
        maximum_capacity: str,
        tags: dict[str, str],
        auto_start_configuration: str,
        auto_stop_configuration: str,
        network_configuration: dict[str, Any] | None,
    ) -> App:
        is_spark_release = application_type == "SPARK" and re.fullmatch(SPARK_RELEASES, release_label)
        application = original(
            self,
            name,
            KNOWN_RELEASE if is_spark_release else release_label,
            application_type,
            client_token,
            initial_capacity,
            maximum_capacity,
            tags,
            auto_start_configuration,
            auto_stop_configuration,
            network_configuration,
        )
        application.release_label = release_label
        return application  # type: ignore[no-any-return]

    original = replace(
        EMRServerlessBackend, "create_application", create_application, because="moto knows releases up to EMR 7 only"
    )


def _keep_settings() -> None:
    def create_application(self: EMRServerlessResponse) -> ActionResult:
        if unknown := set(self.params) - KNOWN_SETTINGS:
            raise ValidationException(f"What {sorted(unknown)} of an application would do is not known here.")
        settings = {name: self._get_param(name) for name in SETTINGS}
        try:
            group_of(settings["monitoringConfiguration"])
        except LocalAwsError as error:
            raise ValidationException(str(error)) from error
        answer = original(self)
        application = self.emrserverless_backend.applications[answer.result["applicationId"]]
        application.created_at = application.updated_at = utcnow()
        self.emrserverless_backend.job_runs[application.id] = []  # to be listed from the beginning
        for name, value in settings.items():
            setattr(application, _snake(name), value)
        return answer  # type: ignore[no-any-return]

    original = replace(
        EMRServerlessResponse,
        "create_application",
        create_application,
        because="moto forgets where jobs log to, how many may run at once, and on which processor",
    )


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _follow_applications(aws: LocalAws) -> None:
    def get_application(self: EMRServerlessBackend, application_id: str) -> App:
        application = get(self, application_id)
        if application.state == "STARTED" and _is_idle(aws, application, _runs(self, application_id)):
            application.state = "STOPPED"
        return application  # type: ignore[no-any-return]

    def stop_application(self: EMRServerlessBackend, application_id: str) -> None:
        if are_running(_runs(self, application_id)):
            raise ValidationException(f"Application {application_id} has jobs that run: cancel them first.")
        stop(self, application_id)

    def delete_application(self: EMRServerlessBackend, application_id: str) -> None:
        self.get_application(application_id)
        delete(self, application_id)

    get = replace(EMRServerlessBackend, "get_application", get_application, because="moto's never stop by themselves")
    stop = replace(EMRServerlessBackend, "stop_application", stop_application, because="moto's stop under their jobs")
    delete = replace(
        EMRServerlessBackend, "delete_application", delete_application, because="one that was idle has stopped"
    )


def _runs(backend: EMRServerlessBackend, application_id: str) -> list[Run]:
    return cast("list[Run]", backend.job_runs.get(application_id, []))


def _is_idle(aws: LocalAws, application: App, runs: list[Run]) -> bool:
    """Say whether an application would have stopped by itself by now."""
    setting: Mapping[str, Any] = application.auto_stop_configuration  # type: ignore[assignment]
    if not setting.get("enabled", True) or are_running(runs):
        return False
    since = max([run.updated_at for run in runs], default=application.updated_at)
    return (utcnow() - since).total_seconds() >= aws.seconds(60 * setting.get("idleTimeoutMinutes", IDLE_MINUTES))


def _run_jobs(jobs: Jobs) -> None:
    def start_job_run(  # noqa: PLR0913, PLR0917 -- moto's
        self: EMRServerlessBackend,
        application_id: str,
        client_token: str,
        execution_role_arn: str,
        job_driver: dict[str, Any],
        configuration_overrides: dict[str, Any] | None,
        tags: dict[str, str] | None,
        execution_timeout_minutes: int | None,
        name: str | None,
    ) -> Run:
        with starting:
            runs = _runs(self, application_id)
            if (known := next((run for run in runs if run.client_token == client_token), None)) is not None:
                return known
            submission = _accepted(execution_role_arn, job_driver, configuration_overrides)
            run = start(
                self,
                application_id,
                client_token,
                execution_role_arn,
                job_driver,
                configuration_overrides,
                tags,
                execution_timeout_minutes,
                name,
            )
        jobs.start(run, submission, cast("App", self.get_application(application_id)))
        return run  # type: ignore[no-any-return]

    def cancel_job_run(self: EMRServerlessBackend, application_id: str, job_run_id: str) -> tuple[str, str]:
        run = cast("Run", self.get_job_run(application_id, job_run_id))
        if not are_running([run]):
            raise ValidationException(f"Job run {job_run_id} has ended already: {run.state}.")
        jobs.cancel(run)
        return application_id, job_run_id

    starting = threading.Lock()
    start = replace(EMRServerlessBackend, "start_job_run", start_job_run, because="moto's jobs do nothing")
    replace(EMRServerlessBackend, "cancel_job_run", cancel_job_run, because="moto's jobs have no process to be ended")


def _accepted(role_arn: str, job_driver: dict[str, Any], overrides: dict[str, Any] | None) -> Submission:
    """Look at a request as AWS does before it takes it."""
    try:
        authorization.require_trust(role_arn, SERVICE)
    except LocalAwsError as error:
        raise AccessDeniedException(str(error)) from error
    if overrides:
        raise ValidationException("What overrides of an application's configuration would do is not known here.")
    try:
        return Submission.parse(job_driver)
    except LocalAwsError as error:
        raise ValidationException(str(error)) from error
