"""The CDK app: the stacks, in the order they depend on each other."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import App, DefaultStackSynthesizer, Stack, Tags, Validations
from aws_cdk import aws_iam as iam
from cdk_nag import (
    AwsSolutionsChecks,
    HIPAASecurityChecks,
    NIST80053R5Checks,
    ServerlessChecks,
)

from infra.api import ApiStack
from infra.data import DataStack
from infra.edge import EdgeStack
from infra.ingest import IngestStack
from infra.jobs import JobsStack
from infra.options import read_options
from infra.watching import WatchingStack, watch_stacks
from infra.web import WebStack
from infra.web_log import WebLogStack


def build() -> App:
    """Build the app; context and output folder come from the environment (`infra.synth`)."""
    app = App(
        analytics_reporting=False,
        builtin_cloud_formation_validation=False,  # cfn-lint, in the tests, sees more
        default_stack_synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
    options = read_options(app.node)
    data = DataStack(app, f"{options.prefix}-Data", options=options)
    jobs = JobsStack(app, f"{options.prefix}-Jobs", archive=data.archive, options=options)
    ingest = IngestStack(
        app,
        f"{options.prefix}-Ingest",
        archive=data.archive,
        inbox_dead_letters=data.dead_letters,
        jobs=jobs,
        alarms=data.alarms,
        options=options,
    )
    api = ApiStack(
        app,
        f"{options.prefix}-Api",
        archive=data.archive,
        stable_queue=ingest.stable_queue,
        purge_queue=ingest.purge_queue,
        jobs=jobs,
        alarms=data.alarms,
        options=options,
    )
    if options.front.has_cloudfront:
        WebStack(app, f"{options.prefix}-Web", archive=data.archive, api=api, options=options)
    if options.front.web_log:
        WebLogStack(app, f"{options.prefix}-WebLog", web_log=options.front.web_log)
    if options.edge:
        EdgeStack(
            app,
            f"{options.prefix}-Edge",
            archive=data.archive,
            jobs=jobs,
            api=api,
            alarms=data.alarms,
            options=options,
        )
    stacks = [stack for stack in app.node.children if isinstance(stack, Stack)]
    watch_stacks(stacks, data.alarms)
    WatchingStack(
        app,
        f"{options.prefix}-Watching",
        topic=data.alarms,
        table_name=data.archive.table.table_name,
        options=options,
    )
    if options.permissions_boundary:
        _bound(stacks, options.permissions_boundary)
    Tags.of(app).add("application", "nephele")
    Validations.of(app).add_plugins(
        AwsSolutionsChecks(app),
        HIPAASecurityChecks(app),
        NIST80053R5Checks(app),
        ServerlessChecks(app),
    )
    return app


def _bound(stacks: Sequence[Stack], policy_arn: str) -> None:
    """Let no role do what a policy of the hospital does not allow."""
    for stack in stacks:
        policy = iam.ManagedPolicy.from_managed_policy_arn(stack, "Boundary", policy_arn)
        iam.PermissionsBoundary.of(stack).apply(policy)
