"""The CDK app: the stacks, in the order they depend on each other."""

from __future__ import annotations

from aws_cdk import App, DefaultStackSynthesizer, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.api import ApiStack
from infra.data import DataStack
from infra.edge import EdgeStack
from infra.ingest import IngestStack
from infra.options import read_options


def build() -> App:
    """Build the app; context and output folder come from the environment (`infra.synth`)."""
    app = App(
        analytics_reporting=False,
        builtin_cloud_formation_validation=False,  # cfn-lint, in the tests, sees more
        default_stack_synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
    options = read_options(app.node)
    configuration = options.configuration.public_json()
    data = DataStack(app, f"{options.prefix}-Data")
    ingest = IngestStack(
        app,
        f"{options.prefix}-Ingest",
        archive=data.archive,
        inbox_dead_letters=data.dead_letters,
        configuration=configuration,
    )
    ApiStack(
        app,
        f"{options.prefix}-Api",
        archive=data.archive,
        stable_queue=ingest.stable_queue,
        purge_queue=ingest.purge_queue,
        options=options,
    )
    EdgeStack(
        app,
        f"{options.prefix}-Edge",
        archive=data.archive,
        options=options,
    )
    Tags.of(app).add("application", "nephele")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app
