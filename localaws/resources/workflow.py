"""State machines."""

from localaws.resources.resource import Made, Resource, as_lower_camel


def make_state_machine(resource: Resource) -> Made:
    """Make an ``AWS::StepFunctions::StateMachine``."""
    states = resource.client("stepfunctions")
    name = resource.take("StateMachineName") or resource.generate_name(80)
    arn = states.create_state_machine(
        name=name,
        definition=resource.demand("DefinitionString"),
        tags=[{"key": key, "value": value} for key, value in resource.tags().items()],
        **as_lower_camel(resource.same("LoggingConfiguration", "RoleArn", "TracingConfiguration")),
    )["stateMachineArn"]
    resource.undo(states.delete_state_machine, stateMachineArn=arn)
    return Made(arn, {"Arn": arn, "Name": name})
