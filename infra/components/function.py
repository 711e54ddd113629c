"""The one way a function is made, and the one way it is allowed anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.acknowledge import acknowledge
from infra.components.bundle import CONFIGURATION_FILE, build_bundle
from infra.components.staging import code_of
from infra.functions import FunctionSpec
from nephele.settings.environment import PREFIX, Environment

HANDLER = "handler.handler"
LOG_RETENTION = logs.RetentionDays.ONE_YEAR


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
    """

    def __init__(self, key: kms.IKey, configuration: str, values: Mapping[str, str]) -> None:
        self._key = key
        self._configuration = configuration
        self._values = {**values, "configuration": CONFIGURATION_FILE}

    def create(
        self, scope: Construct, construct_id: str, spec: FunctionSpec, *, snap_start: bool = False
    ) -> lambda_.Function:
        """Create a function that may write its own log and nothing else yet."""
        log_group = create_log_group(scope, f"{construct_id}Logs", self._key)
        role = iam.Role(
            scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        function = lambda_.Function(
            scope,
            construct_id,
            description=spec.description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.X86_64,
            handler=HANDLER,
            code=code_of(build_bundle(spec, self._configuration)),
            role=role,
            environment=environment_variables(spec.environment, self._values),
            timeout=Duration.seconds(spec.timeout_seconds),
            memory_size=spec.memory_mb,
            ephemeral_storage_size=Size.mebibytes(spec.temporary_storage_mb),
            log_group=log_group,
            recursive_loop=lambda_.RecursiveLoop.ALLOW if spec.is_recursive else None,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
        )
        acknowledge(function, {"L1": "The codecs are built and tested for Python 3.13."})
        grant(function, ["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
        return function


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


def create_log_group(scope: Construct, construct_id: str, key: kms.IKey) -> logs.LogGroup:
    """Create an encrypted log group that forgets after a year and outlives its stack."""
    return logs.LogGroup(
        scope,
        construct_id,
        encryption_key=key,
        retention=LOG_RETENTION,
        removal_policy=RemovalPolicy.RETAIN,
    )
