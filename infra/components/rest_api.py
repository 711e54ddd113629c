"""A regional REST API whose every request reaches one function, behind a Basic login."""

from __future__ import annotations

import json

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.acknowledge import acknowledge

STAGE = "orthanc"
CHALLENGE = 'Basic realm="Orthanc Secure Area"'
_LOGIN_CACHE = Duration.seconds(300)


class BasicRestApi(Construct):
    """The API, its authorizer and its challenge.

    Parameters
    ----------
    handler : aws_lambda.IFunction
        Answers everything.
    authorizer : aws_lambda.IFunction
        Checks the `Authorization` header.
    log_group : aws_logs.ILogGroup
        Takes the access log: no paths, no query values.
    is_authentication_enabled : bool
        When false, nobody reaches the deployed API: a resource policy denies every call.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: lambda_.IFunction,
        authorizer: lambda_.IFunction,
        log_group: logs.ILogGroup,
        is_authentication_enabled: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        account = _create_account(self)
        self.api = apigateway.RestApi(
            self,
            "Api",
            description="Nephele: Orthanc's REST API",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=["*/*"],
            cloud_watch_role=False,
            deploy_options=_stage_options(log_group),
            policy=None if is_authentication_enabled else _deny_everybody(),
        )
        self.api.deployment_stage.node.add_dependency(account)
        self._challenge()
        integration = apigateway.LambdaIntegration(handler, allow_test_invoke=False)
        login = _create_authorizer(self, authorizer, is_authentication_enabled)
        self._add_methods(integration, login)
        acknowledge(self.api, _REASONS)

    def _add_methods(
        self, integration: apigateway.LambdaIntegration, login: apigateway.IAuthorizer
    ) -> None:
        for resource in (self.api.root, self.api.root.add_resource("{proxy+}")):
            resource.add_method(
                "ANY",
                integration,
                authorizer=login,
                authorization_type=apigateway.AuthorizationType.CUSTOM,
            )
        blobs = self.api.root.add_resource("blobs").add_resource("{proxy+}")
        signed = blobs.add_method(
            "GET", integration, authorization_type=apigateway.AuthorizationType.NONE
        )
        acknowledge(signed, {"APIG4": "The URL itself is signed and expires; the function checks."})

    def _challenge(self) -> None:
        self.api.add_gateway_response(
            "Unauthorized",
            type=apigateway.ResponseType.UNAUTHORIZED,
            status_code="401",
            response_headers={"WWW-Authenticate": f"'{CHALLENGE}'"},
        )
        self.api.add_gateway_response(
            "RequestTooLarge",
            type=apigateway.ResponseType.REQUEST_TOO_LARGE,
            status_code="413",
            templates={"application/json": _TOO_LARGE},
        )


def _create_authorizer(
    scope: Construct, function: lambda_.IFunction, is_authentication_enabled: bool
) -> apigateway.RequestAuthorizer:
    """Create the authorizer; with an identity source a call without a login is refused unasked."""
    login = apigateway.IdentitySource.header("Authorization")
    authorizer = apigateway.RequestAuthorizer(
        scope,
        "Authorizer",
        handler=function,
        identity_sources=[login] if is_authentication_enabled else [],
        results_cache_ttl=_LOGIN_CACHE if is_authentication_enabled else Duration.seconds(0),
    )
    resource = authorizer.node.default_child
    if not is_authentication_enabled and isinstance(resource, apigateway.CfnAuthorizer):
        resource.add_property_deletion_override("IdentitySource")  # CDK writes an empty one
    return authorizer


def _stage_options(log_group: logs.ILogGroup) -> apigateway.StageOptions:
    return apigateway.StageOptions(
        stage_name=STAGE,
        access_log_destination=apigateway.LogGroupLogDestination(log_group),
        access_log_format=apigateway.AccessLogFormat.custom(_ACCESS_LOG),
        logging_level=apigateway.MethodLoggingLevel.ERROR,
        data_trace_enabled=False,
        metrics_enabled=True,
    )


_TOO_LARGE = json.dumps(
    {
        "Details": (
            "The body is larger than one request can carry:"
            " begin with POST /uploads, or use `nephele import`"
        ),
        "HttpError": "Request Entity Too Large",
        "HttpStatus": 413,
        "Message": "Bad request",
        "OrthancError": "Bad request",
        "OrthancStatus": 8,
    }
)

_ACCESS_LOG = (
    '{"request":"$context.requestId","time":$context.requestTimeEpoch,'
    '"address":"$context.identity.sourceIp","user":"$context.authorizer.principalId",'
    '"method":"$context.httpMethod","route":"$context.resourcePath","status":"$context.status",'
    '"milliseconds":"$context.responseLatency","bytes":"$context.responseLength"}'
)


def _create_account(scope: Construct) -> apigateway.CfnAccount:
    """Let API Gateway write logs: one setting per account and region."""
    managed = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    role = iam.Role(
        scope,
        "LogRole",
        assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(managed)],
    )
    acknowledge(
        role,
        {
            f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{managed}]": (
                "API Gateway demands this policy of the account's log role; only it assumes it."
            )
        },
    )
    return apigateway.CfnAccount(scope, "Account", cloud_watch_role_arn=role.role_arn)


def _deny_everybody() -> iam.PolicyDocument:
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["execute-api:Invoke"],
                resources=["execute-api:/*"],
            )
        ]
    )


_REASONS = {
    "APIG2": "Bodies are DICOM, ZIP or Orthanc's loose JSON; the function validates them.",
    "APIG3": (
        "A web ACL reads 64 KB of a body at most and its rules know no DICOM; every call needs a"
        " login, and stages are throttled."
    ),
    "COG4": "Orthanc's clients speak Basic; a Lambda authorizer checks it.",
}
