"""The one way a function is made, and the one way it is allowed anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from infra.components.acknowledge import REGULATIONS, SERVERLESS, acknowledge
from infra.components.bundle import CONFIGURATION_FILE, build_bundle
from infra.components.staging import code_of
from infra.functions import FunctionSpec
from infra.options import FunctionOptions
from nephele.settings.environment import PREFIX, Environment

HANDLER = "handler.handler"
RETENTION = {
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    2557: logs.RetentionDays.SEVEN_YEARS,
    2922: logs.RetentionDays.EIGHT_YEARS,
    3288: logs.RetentionDays.NINE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}
_ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}
_REGULATED = {
    "IAMNoInlinePolicy": (
        "A policy of exactly one role is inline on purpose: it cannot be attached to another, and"
        " it goes when the role goes."
    ),
}
_FUNCTION = {
    "LambdaDLQ": (
        "What calls it waits for its answer, or keeps the events of failed calls itself: queues and"
        " the stream have dead-letter queues; a schedule's next call looks for the same again."
    ),
    "LambdaInsideVPC": (
        "It calls AWS services under its own role and, where the configuration says so, peers on"
        " the internet; it has no port and needs nothing inside a VPC."
    ),
}
_QUOTA = {
    "LambdaConcurrency": (
        "This account's quota does not allow reservations yet (reserved_concurrency=false); the"
        " mappings of queues are bounded all the same."
    )
}
_TRACES = "X-Ray knows no resources; the function may write traces and nothing else."


class FunctionFactory:
    """Make functions that share a configuration and a key.

    Parameters
    ----------
    key : aws_kms.IKey
        Encrypts the log groups.
    configuration : str
        Orthanc's configuration as JSON, without passwords; carried in each zip.
    values : mapping of str to str
        Values of the environment models' fields, by the field's name. A function gets those its
        model asks for, and no others.
    options : FunctionOptions
        What the deployment chose for all functions.
    """

    def __init__(
        self,
        key: kms.IKey,
        configuration: str,
        values: Mapping[str, str],
        options: FunctionOptions,
    ) -> None:
        self._key = key
        self._options = options
        self._configuration = configuration
        self._values = {**values, "configuration": CONFIGURATION_FILE}

    def create(
        self,
        scope: Construct,
        construct_id: str,
        spec: FunctionSpec,
        *,
        snap_start: bool = False,
        concurrency: int | None = None,
    ) -> lambda_.Function:
        """Create a function that may write its own log and traces, and nothing else yet.

        `concurrency` stands for the row's own where a configuration decides.
        """
        options = self._options
        log_group = create_log_group(scope, f"{construct_id}Logs", self._key, options.log_days)
        role = iam.Role(
            scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        function = lambda_.Function(
            scope,
            construct_id,
            description=spec.description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_ARCHITECTURES[options.architecture],
            handler=HANDLER,
            code=code_of(build_bundle(spec, self._configuration, options.architecture)),
            role=role,
            environment=environment_variables(spec.environment, self._values),
            timeout=Duration.seconds(spec.timeout_seconds),
            memory_size=spec.memory_mb,
            ephemeral_storage_size=Size.mebibytes(spec.temporary_storage_mb),
            log_group=log_group,
            recursive_loop=lambda_.RecursiveLoop.ALLOW if spec.is_recursive else None,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            tracing=lambda_.Tracing.ACTIVE,
            reserved_concurrent_executions=(
                (concurrency or spec.concurrency) if options.has_reserved_concurrency else None
            ),
        )
        acknowledge_function(function, role, options)
        grant(function, ["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        return function


def acknowledge_function(
    function: lambda_.Function, role: iam.Role, options: FunctionOptions
) -> None:
    """Give the reasons for what the checks find in every function."""
    runtime = "The codecs are built and tested for Python 3.13."
    acknowledge(function, {"L1": runtime})
    acknowledge(function, {"LambdaLatestVersion": runtime}, SERVERLESS)
    acknowledge(function, {"LambdaDLQ": _FUNCTION["LambdaDLQ"]}, SERVERLESS)
    acknowledge(
        function, _FUNCTION if options.has_reserved_concurrency else _FUNCTION | _QUOTA, REGULATIONS
    )
    acknowledge(role, {"IAM5[Resource::*]": _TRACES})
    acknowledge_inline(role)


def acknowledge_inline(role: IConstruct) -> None:
    """Give the reason for a role whose policy is its own."""
    acknowledge(role, _REGULATED, REGULATIONS)


def grant(grantee: iam.IGrantable, actions: Sequence[str], resources: Sequence[str]) -> None:
    """Allow exact actions on exact resources."""
    statement = iam.PolicyStatement(actions=list(actions), resources=list(resources))
    grantee.grant_principal.add_to_principal_policy(statement)


def environment_variables(model: type[Environment], values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables a process reads: given values, or the model's own defaults."""
    return {
        PREFIX + name.upper(): values[name] if name in values else str(field.get_default())
        for name, field in model.model_fields.items()
        if name in values or not field.is_required()
    }


def create_log_group(
    scope: Construct, construct_id: str, key: kms.IKey, days: int
) -> logs.LogGroup:
    """Create an encrypted log group that forgets after some days and outlives its stack."""
    return logs.LogGroup(
        scope,
        construct_id,
        encryption_key=key,
        retention=RETENTION[days],
        removal_policy=RemovalPolicy.RETAIN,
    )
