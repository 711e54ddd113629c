"""The api stack: Orthanc's REST API for everybody with a login."""

from __future__ import annotations

from aws_cdk import Annotations, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra import functions
from infra.archive import Archive
from infra.components.acknowledge import REGULATIONS, acknowledge
from infra.components.alarms import add_alarm
from infra.components.blob_keys import BlobKeys
from infra.components.front_token import create_token
from infra.components.function import RETENTION, FunctionFactory, create_log_group, grant
from infra.components.queues import WorkQueue
from infra.components.rest_api import BasicRestApi
from infra.components.service_alarms import iter_api_watches
from infra.components.web_acl import VIEWER_HEADER, WebAcl
from infra.front import Front
from infra.jobs import JobsStack
from infra.options import Options
from nephele.aws.keys import ATTACHMENTS, DERIVED, FINAL, RAW, UPLOADS
from nephele.domain.option_checks import option_warnings

_CLOSED = (
    "RemoteAccessAllowed is off: the deployed REST API refuses every call. Set it and"
    " RegisteredUsers in the configuration."
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
        jobs: JobsStack,
        alarms: sns.ITopic,
        options: Options,
    ) -> None:
        super().__init__(
            scope, construct_id, description="Nephele: Orthanc's REST API", env=options.environment
        )
        self._archive = archive
        self._jobs = jobs
        self._queues = (
            stable_queue.queue,
            purge_queue.queue,
            jobs.jobs_queue.queue,
            jobs.edge_jobs_queue.queue,
        )
        self._users = users = self._create_users()
        self.serving_values = values = (
            archive.values()
            | jobs.values()
            | {
                "users_secret": users.secret_arn,
                "stable_queue": stable_queue.queue.queue_url,
                "purge_queue": purge_queue.queue.queue_url,
            }
        )
        front = options.front
        self.blob_keys = (
            BlobKeys(self, "Blobs", public_keys=front.blob_public_keys, key=archive.key)
            if front.blob_public_keys
            else None
        )
        if self.blob_keys:
            values |= self.blob_keys.values
        if front.has_cloudfront and not options.is_local:
            values["viewer_header"] = VIEWER_HEADER
        public_json = options.configuration.public_json()
        self._factory = FunctionFactory(archive.key, public_json, values, options.functions)
        is_remote = options.configuration.remote_access_allowed
        if not is_remote:
            Annotations.of(self).add_warning_v2("nephele:authentication", _CLOSED)
        has_users = bool(front.user_pool_arn)  # Cognito's
        for text in option_warnings(options.configuration, has_users=has_users):
            Annotations.of(self).add_warning_v2("nephele:options", text)
        rest = BasicRestApi(
            self,
            "Rest",
            handler=self._create_api(front),
            authorizer=self._create_authorize(),
            log_group=create_log_group(self, "AccessLogs", archive.key, options.functions.log_days),
            is_remote=is_remote,
            is_authentication_enabled=options.configuration.is_authentication_enabled,
            front=front,
        )
        self.rest = rest
        self.front_token = (
            create_token(self, archive.key, front.token_version) if front.has_cloudfront else ""
        )
        WebAcl(
            self,
            "Firewall",
            stage_arn=rest.api.deployment_stage.stage_arn,
            token=self.front_token,
            key=archive.key,
            retention=RETENTION[options.functions.log_days],
        )
        for watch in iter_api_watches(rest.api):
            add_alarm(self, alarms, watch)
        if not front.has_cloudfront:  # whose own address is the only one else
            CfnOutput(self, "Url", value=rest.api.url, description="Orthanc's REST API")
        if self.blob_keys:
            CfnOutput(self, "BlobKeysSecret", value=self.blob_keys.secret.secret_arn)
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
        reason = "Its values are hashes of people's passwords, changed by people, not by us."
        acknowledge(users, {"SMG4": reason})
        acknowledge(users, {"SecretsManagerRotationEnabled": reason}, REGULATIONS)
        return users

    def _create_api(self, front: Front) -> lambda_.Alias:
        """Create the function and the alias that API Gateway calls.

        AWS allows snapshots or provisioned environments, not both.
        """
        provisioned = front.provisioned_concurrency
        function = self._factory.create(self, "Function", functions.API, snap_start=not provisioned)
        if self.blob_keys:
            self.blob_keys.grant_sign(function)
        self._grant_archive(function)
        return lambda_.Alias(
            self,
            "Live",
            alias_name="live",
            version=function.current_version,
            provisioned_concurrent_executions=provisioned or None,
        )

    def _create_authorize(self) -> lambda_.Function:
        function = self._factory.create(self, "Authorize", functions.AUTHORIZE)
        self._grant_users(function)
        return function

    def grant_serving(self, grantee: iam.IGrantable) -> None:
        """Allow all that the REST API does, logins included: for the edge's own HTTPS."""
        self._grant_archive(grantee)
        self._grant_users(grantee)

    def _grant_users(self, grantee: iam.IGrantable) -> None:
        grant(grantee, ["secretsmanager:GetSecretValue"], [self._users.secret_arn])
        grant(grantee, ["kms:Decrypt"], [self._archive.key.key_arn])

    def _grant_archive(self, grantee: iam.IGrantable) -> None:
        areas = [FINAL, UPLOADS, DERIVED, ATTACHMENTS]
        self._archive.grant_read_objects(grantee, areas)
        self._archive.grant_restore_objects(grantee)
        self._archive.grant_write_objects(grantee, [*areas, RAW])
        self._archive.grant_list_parts(grantee)
        self._archive.grant_keep_journal(grantee)
        self._archive.grant_delete_objects(grantee, [UPLOADS, DERIVED])
        self._jobs.grant_peers(grantee)
        self._archive.grant_table(grantee)
        self._archive.grant_send(
            grantee, self._archive.index_inbox, self._archive.transcode_inbox, *self._queues
        )
