"""The api stack: Orthanc's REST API for everybody with a login."""

from __future__ import annotations

from aws_cdk import Annotations, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra import functions
from infra.archive import Archive
from infra.components.acknowledge import acknowledge
from infra.components.function import FunctionFactory, create_log_group, grant
from infra.components.queues import WorkQueue
from infra.components.rest_api import BasicRestApi
from infra.options import Options
from nephele.aws.keys import DERIVED, FINAL, RAW, UPLOADS
from nephele.domain.option_checks import option_warnings

_OPEN = (
    "AuthenticationEnabled is off (it follows RemoteAccessAllowed): the deployed REST API refuses"
    " every call. Set RemoteAccessAllowed and RegisteredUsers in the configuration."
)


class ApiStack(Stack):
    """The REST API, its authorizer and the secret that holds its users."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        archive: Archive,
        stable_queue: WorkQueue,
        purge_queue: WorkQueue,
        options: Options,
    ) -> None:
        super().__init__(scope, construct_id, description="Nephele: Orthanc's REST API")
        self._archive = archive
        self._queues = (stable_queue.queue, purge_queue.queue)
        users = self._create_users()
        values = archive.values() | {
            "users_secret": users.secret_arn,
            "stable_queue": stable_queue.queue.queue_url,
            "purge_queue": purge_queue.queue.queue_url,
        }
        public_json = options.configuration.public_json()
        self._factory = FunctionFactory(archive.key, public_json, values)
        is_authentication_enabled = options.configuration.is_authentication_enabled
        if not is_authentication_enabled:
            Annotations.of(self).add_warning_v2("nephele:authentication", _OPEN)
        for text in option_warnings(options.configuration):
            Annotations.of(self).add_warning_v2("nephele:options", text)
        rest = BasicRestApi(
            self,
            "Rest",
            handler=self._create_api(),
            authorizer=self._create_authorize(users),
            log_group=create_log_group(self, "AccessLogs", archive.key),
            is_authentication_enabled=is_authentication_enabled,
        )
        CfnOutput(self, "Url", value=rest.api.url, description="Orthanc's REST API")
        CfnOutput(self, "UsersSecret", value=users.secret_arn, description="Who may log in")

    def _create_users(self) -> secretsmanager.Secret:
        """Create the secret with a generated placeholder; users are pushed into it later."""
        users = secretsmanager.Secret(
            self,
            "Users",
            description="Nephele: RegisteredUsers, hashed",
            encryption_key=self._archive.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106  an empty object
                generate_string_key="placeholder",
            ),
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(
            users,
            {"SMG4": "Its values are hashes of people's passwords, changed by people, not by us."},
        )
        return users

    def _create_api(self) -> lambda_.Alias:
        function = self._factory.create(self, "Function", functions.API, snap_start=True)
        self._archive.grant_read_objects(function, [FINAL, RAW, UPLOADS, DERIVED])
        self._archive.grant_write_objects(function, [FINAL, RAW, UPLOADS, DERIVED])
        self._archive.grant_delete_objects(function, [UPLOADS])
        self._archive.grant_write_table(function)
        self._archive.grant_send(
            function, self._archive.index_inbox, self._archive.transcode_inbox, *self._queues
        )
        return lambda_.Alias(self, "Live", alias_name="live", version=function.current_version)

    def _create_authorize(self, users: secretsmanager.ISecret) -> lambda_.Function:
        function = self._factory.create(self, "Authorize", functions.AUTHORIZE)
        grant(function, ["secretsmanager:GetSecretValue"], [users.secret_arn])
        grant(function, ["kms:Decrypt"], [self._archive.key.key_arn])
        return function
