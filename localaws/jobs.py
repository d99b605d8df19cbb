"""EMR Serverless: moto keeps the applications and the job runs, and `JobRunner` runs the jobs.

A setting that would have no effect here is refused. As in AWS, an application is updated and deleted in CREATED or
STOPPED only.
"""

import re
import threading
from typing import TYPE_CHECKING, Any, cast

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.emrserverless import models
from moto.emrserverless.exceptions import AccessDeniedException, ValidationException
from moto.emrserverless.models import Application, EMRServerlessBackend, JobRun
from moto.emrserverless.responses import EMRServerlessResponse

from localaws.account import LocalAws, refuse_unknown, refusing
from localaws.authorization import require_trust
from localaws.job_logs import group_of
from localaws.job_runs import JobRunner, LocalApplication, LocalJobRun, are_active
from localaws.metrics import Metrics
from localaws.patches import Original, Part, replaces
from localaws.spark_submit import Submission

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE = "emr-serverless.amazonaws.com"

SETTINGS = {
    "architecture": "architecture",
    "schedulerConfiguration": "scheduler_configuration",
    "monitoringConfiguration": "monitoring_configuration",
}
"""Setting of an application that moto forgets → attribute of `LocalApplication`."""

KNOWN_SETTINGS = SETTINGS.keys() | {
    *("name", "releaseLabel", "type", "clientToken", "tags", "maximumCapacity"),
    *("autoStartConfiguration", "autoStopConfiguration"),
}

SPARK_RELEASES = re.compile(r"emr-spark-8\.\d{1,2}\.0")
"""Labels of the releases that contain Spark only; moto knows none of them."""

MOTO_RELEASE = "emr-7.0.0"
"""A release label that moto accepts."""

IDLE_MINUTES = 15
"""Idle time after which AWS stops an application that sets none."""


class Jobs(Part):
    """The applications and their job runs."""

    def __init__(self, aws: LocalAws, metrics: Metrics) -> None:
        super().__init__(aws)
        self._metrics = metrics

    def start(self) -> None:
        """Replace moto's job runs, which succeed at once, by processes."""
        super().start()
        self.exchange(models, "APPLICATION_STATUS", before="STARTED", now="CREATED")
        self.exchange(models, "JOB_STATUS", before="SUCCESS", now="SUBMITTED")
        self.exchange(models, "Application", before=Application, now=LocalApplication)
        self.exchange(models, "JobRun", before=JobRun, now=LocalJobRun)
        self._starting = threading.Lock()
        self._runner = JobRunner(self.aws, self._metrics)
        self.at_end.callback(self._runner.close)

    @replaces(EMRServerlessBackend, "create_application", because="moto knows no releases after EMR 7")
    def _create(
        self, original: Original, backend: EMRServerlessBackend, release_label: str, arguments: dict[str, Any]
    ) -> LocalApplication:
        is_spark = arguments["application_type"] == "SPARK" and SPARK_RELEASES.fullmatch(release_label)
        application: LocalApplication = original(
            backend, **arguments | {"release_label": MOTO_RELEASE if is_spark else release_label}
        )
        application.release_label = release_label
        return application

    @replaces(EMRServerlessResponse, "create_application", because="moto forgets processor, log group and concurrency")
    def _answer_create(self, original: Original, response: EMRServerlessResponse) -> ActionResult:
        settings = {attribute: response._get_param(name) for name, attribute in SETTINGS.items()}  # noqa: SLF001 -- moto's accessor
        with refusing(ValidationException):
            refuse_unknown(response.params, KNOWN_SETTINGS, "the settings of an application")
            group_of(settings["monitoring_configuration"])
        answer = original(response)
        backend = response.emrserverless_backend
        application = backend.applications[answer.result["applicationId"]]
        application.created_at = application.updated_at = utcnow()
        backend.job_runs[application.id] = []  # AWS lists the jobs of a new application: there are none
        vars(application).update(settings)
        return answer  # type: ignore[no-any-return] # the original has no type

    @replaces(EMRServerlessResponse, "update_application", because="moto's forgets most settings")
    def _answer_update(self, original: Original, response: EMRServerlessResponse) -> ActionResult:
        with refusing(ValidationException):
            refuse_unknown(response.params, {*KNOWN_SETTINGS, "applicationId"}, "the settings of an application")
        application = response.emrserverless_backend.get_application(response._get_param("applicationId"))  # noqa: SLF001 -- moto's accessor
        answer = original(response)  # refuses an application that is neither CREATED nor STOPPED
        changes = {**SETTINGS, "releaseLabel": "release_label"}
        given = {attribute: response._get_param(name) for name, attribute in changes.items()}  # noqa: SLF001 -- moto's accessor
        vars(application).update({attribute: value for attribute, value in given.items() if value is not None})
        application.updated_at = utcnow()
        return answer  # type: ignore[no-any-return] # the original has no type

    @replaces(EMRServerlessBackend, "start_application", because="moto's begins no idle time")
    def _start_application(self, original: Original, backend: EMRServerlessBackend, application_id: str) -> None:
        original(backend, application_id)
        backend.applications[application_id].updated_at = utcnow()

    @replaces(EMRServerlessBackend, "get_application", because="moto's applications do not stop when they are idle")
    def _get(self, original: Original, backend: EMRServerlessBackend, application_id: str) -> LocalApplication:
        application: LocalApplication = original(backend, application_id)
        if application.state == "STARTED" and self._is_idle(application, _runs(backend, application_id)):
            application.state = "STOPPED"
        return application

    @replaces(EMRServerlessBackend, "stop_application", because="moto's applications stop while their jobs run")
    def _stop(self, original: Original, backend: EMRServerlessBackend, application_id: str) -> None:
        if are_active(_runs(backend, application_id)):
            raise ValidationException(f"Application {application_id} has jobs that run: cancel them first.")
        original(backend, application_id)

    @replaces(EMRServerlessBackend, "list_applications", because="moto's applications do not stop when they are idle")
    def _list(
        self, original: Original, backend: EMRServerlessBackend, states: list[str] | None
    ) -> list[LocalApplication]:
        for application_id in backend.applications:
            backend.get_application(application_id)
        return original(backend, states)  # type: ignore[no-any-return] # the original has no type

    @replaces(EMRServerlessBackend, "delete_application", because="moto's does not see that an idle one has stopped")
    def _delete(self, original: Original, backend: EMRServerlessBackend, application_id: str) -> None:
        backend.get_application(application_id)
        original(backend, application_id)

    def _is_idle(self, application: LocalApplication, runs: list[LocalJobRun]) -> bool:
        """Return whether an application has been idle for so long that AWS would have stopped it."""
        setting: Mapping[str, Any] = application.auto_stop_configuration  # type: ignore[assignment] # moto says str
        if not setting.get("enabled", True) or are_active(runs):
            return False
        since = max([application.updated_at, *(run.updated_at for run in runs)])
        limit = 60 * setting.get("idleTimeoutMinutes", IDLE_MINUTES)
        return (utcnow() - since).total_seconds() >= self.aws.shortened(limit)

    @replaces(EMRServerlessBackend, "start_job_run", because="moto's jobs do nothing")
    def _start_run(
        self,
        original: Original,
        backend: EMRServerlessBackend,
        application_id: str,
        client_token: str,
        arguments: dict[str, Any],
    ) -> LocalJobRun:
        with self._starting:
            for known in _runs(backend, application_id):
                if known.client_token == client_token:
                    return known
            application = cast("LocalApplication", backend.get_application(application_id))
            if application.state == "TERMINATED":
                raise ValidationException(f"Application {application_id} accepts no job runs: it is TERMINATED.")
            submission = _accepted(arguments, application)
            run: LocalJobRun = original(backend, **arguments)
        self._runner.start(run, submission, application)
        return run

    @replaces(EMRServerlessBackend, "cancel_job_run", because="moto's jobs have no process to be ended")
    def _cancel_run(
        self, _: Original, backend: EMRServerlessBackend, application_id: str, job_run_id: str
    ) -> tuple[str, str]:
        run = cast("LocalJobRun", backend.get_job_run(application_id, job_run_id))
        if not are_active([run]):
            raise ValidationException(f"Job run {job_run_id} has ended already: {run.state}.")
        self._runner.cancel(run)
        return application_id, job_run_id


def _runs(backend: EMRServerlessBackend, application_id: str) -> list[LocalJobRun]:
    return cast("list[LocalJobRun]", backend.job_runs.get(application_id, []))


def _accepted(arguments: dict[str, Any], application: LocalApplication) -> Submission:
    """Check a request as AWS does before it creates a job run."""
    with refusing(AccessDeniedException):
        require_trust(arguments["execution_role_arn"], SERVICE, application.arn)
    if arguments["configuration_overrides"]:
        raise ValidationException("Configuration overrides are not known here: configure the application.")
    with refusing(ValidationException):
        return Submission.parse(arguments["job_driver"])
