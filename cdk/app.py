"""The CDK app, which `cdk synth`, `cdk deploy` and `cdk destroy` run, for instance with `cdk deploy -c env=dev`.

`-c weights=…`, `-c email=…`, `-c architecture=…` and `-c python=…` override the settings of the environment.
"""

import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from cdk.packaging import packages_for
from cdk.pipeline_stack import PipelineStack
from cdk.settings import Environment, EnvironmentSettingsError, environment_named
from contract.environments import ContextKey
from spark_app.errors import WeightsError


def main() -> int:
    """Synthesise the stack of an environment.

    Returns
    -------
    int
        Exit code: 0 for success, 2 for an invalid setting.
    """
    app = App()
    try:
        build(app, _settings(app))
    except (EnvironmentSettingsError, WeightsError) as error:
        print(f"fruits: {error}", file=sys.stderr)  # noqa: T201 -- this is a command
        return 2
    app.synth()
    return 0


def build(app: App, settings: Environment) -> PipelineStack:
    """Add the stack of an environment to the app, and the checks that the stack must pass.

    Raises
    ------
    WeightsError
        If the weights do not exist.
    """
    packages = packages_for(settings.architecture, settings.python, settings.weights)
    stack = PipelineStack(app, settings=settings, packages=packages)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return stack


def _settings(app: App) -> Environment:
    context = app.node.try_get_context
    return environment_named(
        context(ContextKey.ENVIRONMENT.value),
        weights=context(ContextKey.WEIGHTS.value),
        alarm_email=context(ContextKey.EMAIL.value),
        architecture=context(ContextKey.ARCHITECTURE.value),
        python=context(ContextKey.PYTHON.value),
    )


if __name__ == "__main__":
    sys.exit(main())
