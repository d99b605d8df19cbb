"""The CDK app, which `cdk synth`, `cdk deploy` and `cdk destroy` run, for instance with `cdk deploy -c env=dev`.

The settings of an environment come from `cdk/settings.py` and from the choices of its operators. A rehearsal changes
them with `-c rehearsal={"weights": "seeded"}`; nothing else in the context does: a later deployment would forget it.
"""

import json
import sys
from typing import Any

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from cdk.choices import Choices
from cdk.packaging import packages_for
from cdk.packaging.package import ROOT
from cdk.pipeline_stack import PipelineStack
from cdk.revision import revision_of
from cdk.settings import Environment, EnvironmentSettingsError, changed, environment_named
from contract.environments import UNKNOWN_REVISION, ContextKey
from spark_app.errors import WeightsError

FORGETTABLE = {"email": "EMAIL", "weights": "WEIGHTS"}
"""Keys of the context that look as if they were settings → variable of `make deploy` that keeps the value."""


def main() -> int:
    """Synthesise the stack of an environment.

    Returns
    -------
    int
        Exit code: 0 for success, 2 for an invalid setting.
    """
    app = App()
    try:
        build(app, settings_of(app), revision_of(ROOT))
    except (EnvironmentSettingsError, WeightsError) as error:
        print(f"fruits: {error}", file=sys.stderr)  # noqa: T201 -- this is a command
        return 2
    app.synth()
    return 0


def build(app: App, settings: Environment, revision: str = UNKNOWN_REVISION) -> PipelineStack:
    """Add the stack of an environment to the app, and the checks that the stack must pass.

    Raises
    ------
    WeightsError
        If the weights do not exist.
    """
    packages = packages_for(settings.architecture, settings.python, settings.weights)
    stack = PipelineStack(app, settings=settings, packages=packages, revision=revision)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return stack


def settings_of(app: App) -> Environment:
    """Return the settings that the context of the app asks for.

    Raises
    ------
    EnvironmentSettingsError
        If a value is invalid, or would be forgotten by the next deployment.
    """
    context = app.node.try_get_context
    name = context(ContextKey.ENVIRONMENT.value)
    for key, variable in FORGETTABLE.items():
        if value := context(key):
            raise EnvironmentSettingsError(
                f"A later deployment would forget -c {key}={value}: keep it with `make deploy ENV={name} "
                f"{variable}={value}`."
            )
    settings, rehearsal = environment_named(name), context(ContextKey.REHEARSAL.value)
    return Choices.of(name).apply(settings) if rehearsal is None else changed(settings, _parsed(rehearsal))


def _parsed(rehearsal: Any) -> dict[str, Any]:  # noqa: ANN401 -- any value of the context
    try:
        document = json.loads(rehearsal)
    except (ValueError, TypeError):
        document = None
    if not isinstance(document, dict):
        raise EnvironmentSettingsError(f"-c rehearsal must be a JSON object of settings, not {rehearsal!r}.")
    return document


if __name__ == "__main__":
    sys.exit(main())
