"""What `cdk synth|deploy|destroy` runs: `cdk deploy -c env=dev`.

`-c weights=…`, `-c email=…`, `-c architecture=…` and `-c python=…` go before the settings of the environment.
"""

import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from cdk.packaging import PackagingError, packages_for
from cdk.pipeline_stack import PipelineStack
from cdk.settings import Environment, SettingsError, environment_named


def main() -> int:
    """Synthesise the stack of an environment.

    Returns
    -------
    int
        Exit code: 0 done, 2 asked for something that can't be.
    """
    app = App()
    try:
        build(app, _settings(app))
    except (SettingsError, PackagingError) as error:
        print(f"fruits: {error}", file=sys.stderr)  # noqa: T201 -- this is a command
        return 2
    app.synth()
    return 0


def build(app: App, settings: Environment) -> PipelineStack:
    """Put the stack of an environment together, with the checks that it must pass.

    Parameters
    ----------
    app
        Takes the stack.
    settings
        Of the environment.

    Raises
    ------
    PackagingError
        If there are no such weights.
    """
    packages = packages_for(settings.architecture, settings.python, settings.weights)
    stack = PipelineStack(app, settings=settings, packages=packages)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return stack


def _settings(app: App) -> Environment:
    context = app.node.try_get_context
    return environment_named(
        context("env"),
        weights=context("weights"),
        alarm_email=context("email"),
        architecture=context("architecture"),
        python=context("python"),
    )


if __name__ == "__main__":
    sys.exit(main())
