"""A regional REST API whose every request reaches one function, behind a Basic login."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.components.acknowledge import REGULATIONS, acknowledge
from infra.front import Front

STAGE = "orthanc"
CHALLENGE = 'Basic realm="Orthanc Secure Area"'
_LOGIN_CACHE = Duration.seconds(300)
_CALLS_PER_SECOND = 500
_CALLS_AT_ONCE = 1000


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
    is_remote : bool
        When false, nobody reaches the API: a resource policy denies every call.
    is_authentication_enabled : bool
        Whether a login is asked for.
    front : Front
        Where it is reached from, by which name, and who keeps the users.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: lambda_.IFunction,
        authorizer: lambda_.IFunction,
        log_group: logs.ILogGroup,
        is_remote: bool,
        is_authentication_enabled: bool,
        front: Front,
    ) -> None:
        super().__init__(scope, construct_id)
        account = _create_account(self)
        self.api = apigateway.RestApi(
            self,
            "Api",
            description="Nephele: Orthanc's REST API",
            endpoint_configuration=_endpoint(self, front),
            binary_media_types=["*/*"],
            cloud_watch_role=False,
            deploy_options=_stage_options(log_group),
            policy=resource_policy(front, is_remote=is_remote),
        )
        self.api.deployment_stage.node.add_dependency(account)
        self._challenge()
        integration = apigateway.LambdaIntegration(handler, allow_test_invoke=False)
        if front.user_pool_arn:
            login: apigateway.IAuthorizer = _create_cognito_authorizer(self, front.user_pool_arn)
        else:
            login = _create_authorizer(self, authorizer, is_authentication_enabled)
            acknowledge(self.api, {"COG4": "Orthanc's clients speak Basic; a function checks it."})
        self._add_methods(integration, login)
        if front.domain and not front.has_cloudfront:
            self._add_domain(front)
        acknowledge(self.api, _REASONS)
        acknowledge(self.api, _REGULATED, REGULATIONS)

    def _add_methods(
        self, integration: apigateway.LambdaIntegration, login: apigateway.IAuthorizer
    ) -> None:
        for resource in (self.api.root, self.api.root.add_resource("{proxy+}")):
            resource.add_method(
                "ANY",
                integration,
                authorizer=login,
                authorization_type=login.authorization_type,
            )
        blobs = self.api.root.add_resource("blobs").add_resource("{proxy+}")
        signed = blobs.add_method(
            "GET", integration, authorization_type=apigateway.AuthorizationType.NONE
        )
        reason = "The URL itself is signed and expires, and the signature is checked."
        acknowledge(signed, {"APIG4": reason, "COG4": reason})

    def _add_domain(self, front: Front) -> None:
        certificate = acm.Certificate.from_certificate_arn(
            self, "Certificate", front.certificate_arn
        )
        domain = self.api.add_domain_name(
            "Domain",
            domain_name=front.domain,
            certificate=certificate,
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        CfnOutput(
            self,
            "DomainTarget",
            value=domain.domain_name_alias_domain_name,
            description="What the domain is an alias of",
        )

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


def _endpoint(scope: Construct, front: Front) -> apigateway.EndpointConfiguration:
    """Reach the API from everywhere, or from VPC endpoints alone."""
    if not front.is_private:
        return apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL])
    return apigateway.EndpointConfiguration(
        types=[apigateway.EndpointType.PRIVATE],
        vpc_endpoints=[
            ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
                scope, f"Endpoint{number}", vpc_endpoint_id=endpoint_id, port=443
            )
            for number, endpoint_id in enumerate(front.endpoint_ids)
        ],
    )


def _create_cognito_authorizer(
    scope: Construct, user_pool_arn: str
) -> apigateway.CognitoUserPoolsAuthorizer:
    pool = cognito.UserPool.from_user_pool_arn(scope, "UserPool", user_pool_arn)
    return apigateway.CognitoUserPoolsAuthorizer(
        scope, "Authorizer", cognito_user_pools=[pool], results_cache_ttl=_LOGIN_CACHE
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
        tracing_enabled=True,
        throttling_rate_limit=_CALLS_PER_SECOND,
        throttling_burst_limit=_CALLS_AT_ONCE,
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
    '{"request":"$context.requestId","time":"$context.requestTimeEpoch",'
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


def resource_policy(front: Front, *, is_remote: bool) -> iam.PolicyDocument | None:
    """Return who may call at all: whoever logs in, or who comes by an endpoint, or nobody.

    Parameters
    ----------
    is_remote : bool
        `RemoteAccessAllowed`; off, logins and endpoints change nothing.
    """
    if not is_remote:
        return iam.PolicyDocument(statements=[_statement(iam.Effect.DENY)])
    if not front.is_private:
        return None
    endpoints = {"StringNotEquals": {"aws:SourceVpce": list(front.endpoint_ids)}}
    return iam.PolicyDocument(
        statements=[
            _statement(iam.Effect.ALLOW),
            _statement(iam.Effect.DENY, conditions=endpoints),
        ]
    )


def _statement(
    effect: iam.Effect, conditions: Mapping[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        effect=effect,
        principals=[iam.AnyPrincipal()],
        actions=["execute-api:Invoke"],
        resources=["execute-api:/*"],
        conditions=conditions,
    )


_REGULATED = {
    "APIGWCacheEnabledAndEncrypted": (
        "A cache of the stage would answer one user with what another was shown, and keep patients'"
        " data in one more place."
    ),
    "APIGWSSLEnabled": (
        "A certificate of the client tells an HTTP backend who calls; this one is a function, which"
        " API Gateway calls under IAM."
    ),
}
_REASONS = {
    "APIG2": "Bodies are DICOM, ZIP or Orthanc's loose JSON; the function validates them.",
}
