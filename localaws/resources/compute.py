"""Functions, what calls them, and the application that runs the jobs."""

import threading

from localaws.account import LocalAwsError
from localaws.resources.resource import Made, Resource, as_lower_camel

_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.1


def make_function(resource: Resource) -> Made:
    """Make an ``AWS::Lambda::Function``."""
    functions = resource.client("lambda")
    name = resource.take("FunctionName") or resource.generate_name(64)
    settings = resource.same(
        "Architectures",
        "Code",
        "Description",
        "Environment",
        "Handler",
        "LoggingConfig",
        "MemorySize",
        "Role",
        "Runtime",
        "Timeout",
        "TracingConfig",
    )
    function = functions.create_function(FunctionName=name, Tags=resource.tags(), **settings)
    resource.undo(functions.delete_function, FunctionName=name)
    return Made(name, {"Arn": function["FunctionArn"]})


def make_event_source_mapping(resource: Resource) -> Made:
    """Make an ``AWS::Lambda::EventSourceMapping``."""
    functions = resource.client("lambda")
    settings = resource.same(
        "BatchSize",
        "EventSourceArn",
        "FunctionName",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "ScalingConfig",
    )
    uuid = functions.create_event_source_mapping(Tags=resource.tags(), **settings)["UUID"]
    resource.undo(functions.delete_event_source_mapping, UUID=uuid)
    return Made(uuid, {"Id": uuid})


def make_application(resource: Resource) -> Made:
    """Make an ``AWS::EMRServerless::Application``."""
    emr = resource.client("emr-serverless")
    settings = resource.same(
        "Architecture",
        "AutoStartConfiguration",
        "AutoStopConfiguration",
        "MaximumCapacity",
        "MonitoringConfiguration",
        "Name",
        "ReleaseLabel",
        "SchedulerConfiguration",
        "Type",
    )
    application = emr.create_application(tags=resource.tags(), **as_lower_camel(settings))
    application_id = application["applicationId"]
    resource.undo(emr.delete_application, applicationId=application_id)
    resource.undo(lambda: _stop(resource, application_id))
    return Made(application_id, {"ApplicationId": application_id, "Arn": application["arn"]})


def _stop(resource: Resource, application_id: str) -> None:
    """Stop the application, as CloudFormation does before it deletes one; there is nothing to listen to, so it asks."""
    emr = resource.client("emr-serverless")

    def state() -> str:
        return str(emr.get_application(applicationId=application_id)["application"]["state"])

    if state() not in {"CREATED", "STOPPING", "STOPPED"}:
        emr.stop_application(applicationId=application_id)
    pause = threading.Event()
    for _ in range(int(_STOP_SECONDS / _POLL_SECONDS)):
        if state() in {"CREATED", "STOPPED"}:
            return
        pause.wait(_POLL_SECONDS)
    raise LocalAwsError(f"The application {application_id} does not stop: it is {state()}.")
