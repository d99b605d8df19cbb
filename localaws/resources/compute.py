"""Functions, event source mappings, state machines, and the applications that run jobs."""

from typing import Any

from localaws.account import ACCOUNT, REGION
from localaws.resources.resource import Made, Maker, Resource, as_lower_camel

FUNCTION_DEFAULTS = {
    "Description": "",
    "Environment": {"Variables": {}},
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
}
"""Settings of a function whose template does not have these properties."""


def _function(resource: Resource) -> Made:
    functions = resource.client("lambda")
    name = resource.name("FunctionName", longest=64)
    settings = resource.take_all(
        "Architectures Code Description Environment Handler LoggingConfig MemorySize Role Runtime Timeout TracingConfig"
    )
    tags = resource.tags()
    if resource.before:
        code = settings.pop("Code")
        if "Architectures" in settings:
            code = {**code, "Architectures": settings.pop("Architectures")}
        functions.update_function_configuration(FunctionName=name, **{**FUNCTION_DEFAULTS, **settings})
        function = functions.update_function_code(FunctionName=name, **code)
    else:
        function = functions.create_function(FunctionName=name, Tags=tags, **settings)
    resource.undo(functions.delete_function, FunctionName=name)
    return Made(name, {"Arn": function["FunctionArn"]})


def _event_source_mapping(resource: Resource) -> Made:
    functions = resource.client("lambda")
    settings = resource.take_all(
        "BatchSize EventSourceArn FunctionName FunctionResponseTypes MaximumBatchingWindowInSeconds ScalingConfig"
    )
    tags = resource.tags()
    if resource.before:
        del settings["EventSourceArn"]
        uuid = resource.before.physical_id
        functions.update_event_source_mapping(UUID=uuid, **settings)
    else:
        uuid = functions.create_event_source_mapping(Tags=tags, **settings)["UUID"]
    resource.undo(functions.delete_event_source_mapping, UUID=uuid)
    return Made(uuid, {"Id": uuid})


def _state_machine(resource: Resource) -> Made:
    states = resource.client("stepfunctions")
    name = resource.name("StateMachineName", longest=80)
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
    definition, tags = resource.require("DefinitionString"), as_lower_camel(resource.tag_list())
    settings = as_lower_camel(resource.take_all("LoggingConfiguration RoleArn TracingConfiguration"))
    resource.require_absent(name, states.describe_state_machine, stateMachineArn=arn)
    if resource.before:
        states.update_state_machine(stateMachineArn=arn, definition=definition, **settings)
    else:
        states.create_state_machine(name=name, definition=definition, tags=tags, **settings)
    resource.undo(states.delete_state_machine, stateMachineArn=arn)
    return Made(arn, {"Arn": arn, "Name": name})


def _application(resource: Resource) -> Made:
    emr = resource.client("emr-serverless")
    identity, tags = as_lower_camel(resource.take_all("Name Type")), resource.tags()
    settings = as_lower_camel(
        resource.take_all(
            "Architecture AutoStartConfiguration AutoStopConfiguration MaximumCapacity MonitoringConfiguration "
            "ReleaseLabel SchedulerConfiguration"
        )
    )
    settings = _with_log_types(settings)
    if resource.before:
        made = resource.before.physical_id
        application = emr.update_application(applicationId=made, **settings)["application"]
    else:
        application = emr.create_application(tags=tags, **identity, **settings)
    application_id = application["applicationId"]
    # Like CloudFormation, do not stop an application before its deletion: EMR Serverless refuses it then.
    resource.undo(emr.delete_application, applicationId=application_id)
    return Made(application_id, {"ApplicationId": application_id, "Arn": application["arn"]})


def _with_log_types(settings: dict[str, Any]) -> dict[str, Any]:
    """Write the types of logs as a mapping, as the service takes them; a template has a list of keys and values."""
    logging = settings.get("monitoringConfiguration", {}).get("cloudWatchLoggingConfiguration", {})
    if types := logging.pop("logTypeMap", None):
        logging["logTypes"] = {one["key"]: one["value"] for one in types}
    return settings


MAKERS: dict[str, Maker] = {
    "AWS::EMRServerless::Application": _application,
    "AWS::Lambda::EventSourceMapping": _event_source_mapping,
    "AWS::Lambda::Function": _function,
    "AWS::StepFunctions::StateMachine": _state_machine,
}
