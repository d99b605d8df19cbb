"""Functions, event source mappings, state machines, and the applications that run jobs."""

import threading
from typing import Any

from localaws.account import LocalAwsError
from localaws.resources.resource import Made, Maker, Resource, as_lower_camel

_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.1


def _function(resource: Resource) -> Made:
    functions = resource.client("lambda")
    name = resource.name("FunctionName", longest=64)
    settings = resource.take_all(
        "Architectures Code Description Environment Handler LoggingConfig MemorySize Role Runtime Timeout TracingConfig"
    )
    function = functions.create_function(FunctionName=name, Tags=resource.tags(), **settings)
    resource.undo(functions.delete_function, FunctionName=name)
    return Made(name, {"Arn": function["FunctionArn"]})


def _event_source_mapping(resource: Resource) -> Made:
    functions = resource.client("lambda")
    settings = resource.take_all(
        "BatchSize EventSourceArn FunctionName FunctionResponseTypes MaximumBatchingWindowInSeconds ScalingConfig"
    )
    uuid = functions.create_event_source_mapping(Tags=resource.tags(), **settings)["UUID"]
    resource.undo(functions.delete_event_source_mapping, UUID=uuid)
    return Made(uuid, {"Id": uuid})


def _state_machine(resource: Resource) -> Made:
    states = resource.client("stepfunctions")
    name = resource.name("StateMachineName", longest=80)
    arn = states.create_state_machine(
        name=name,
        definition=resource.require("DefinitionString"),
        tags=as_lower_camel(resource.tag_list()),
        **as_lower_camel(resource.take_all("LoggingConfiguration RoleArn TracingConfiguration")),
    )["stateMachineArn"]
    resource.undo(states.delete_state_machine, stateMachineArn=arn)
    return Made(arn, {"Arn": arn, "Name": name})


def _application(resource: Resource) -> Made:
    emr = resource.client("emr-serverless")
    settings = resource.take_all(
        "Architecture AutoStartConfiguration AutoStopConfiguration MaximumCapacity MonitoringConfiguration Name "
        "ReleaseLabel SchedulerConfiguration Type"
    )
    application = emr.create_application(tags=resource.tags(), **_with_log_types(as_lower_camel(settings)))
    application_id = application["applicationId"]
    resource.undo(emr.delete_application, applicationId=application_id)
    resource.undo(lambda: _stop(resource, application_id))
    return Made(application_id, {"ApplicationId": application_id, "Arn": application["arn"]})


def _with_log_types(settings: dict[str, Any]) -> dict[str, Any]:
    """Write the types of logs as a mapping, as the service takes them; a template has a list of keys and values."""
    logging = settings.get("monitoringConfiguration", {}).get("cloudWatchLoggingConfiguration", {})
    if types := logging.pop("logTypeMap", None):
        logging["logTypes"] = {one["key"]: one["value"] for one in types}
    return settings


def _stop(resource: Resource, application_id: str) -> None:
    """Stop an application as CloudFormation does before it deletes one, and wait until it has stopped."""
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


MAKERS: dict[str, Maker] = {
    "AWS::EMRServerless::Application": _application,
    "AWS::Lambda::EventSourceMapping": _event_source_mapping,
    "AWS::Lambda::Function": _function,
    "AWS::StepFunctions::StateMachine": _state_machine,
}
