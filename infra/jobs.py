"""The jobs stack: work that outlives a request, done in slices by functions and by the edge."""

from __future__ import annotations

from aws_cdk import CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra import functions
from infra.archive import Archive
from infra.components.acknowledge import REGULATIONS, acknowledge
from infra.components.function import FunctionFactory, grant
from infra.components.mapping import QueueMapping
from infra.components.queues import WorkQueue
from infra.options import Options
from nephele.aws.keys import ATTACHMENTS, DERIVED, FINAL, JOURNAL, RAW, UPLOADS
from nephele.settings.limits import HELD_MESSAGE_SECONDS

_MOST_AT_ONCE_BY_DEFAULT = 10
_FEWEST = 2
"""Fewer functions at once than two cannot be asked for (Lambda, scaling of SQS event sources)."""


class JobsStack(Stack):
    """Queues of both executors, and the function that runs slices of jobs."""

    def __init__(
        self, scope: Construct, construct_id: str, *, archive: Archive, options: Options
    ) -> None:
        super().__init__(scope, construct_id, description="Nephele: jobs", env=options.environment)
        visibility_seconds = functions.JOBS.visibility_seconds
        self.jobs_queue = WorkQueue(
            self, "JobsQueue", key=archive.key, visibility_seconds=visibility_seconds
        )
        self.edge_jobs_queue = WorkQueue(
            self, "EdgeJobsQueue", key=archive.key, visibility_seconds=HELD_MESSAGE_SECONDS
        )
        queues = (self.jobs_queue.queue, self.edge_jobs_queue.queue)
        self._key = archive.key
        self.peers = _create_peers(self, archive.key)
        CfnOutput(self, "PeersSecret", value=self.peers.secret_arn, description="Their passwords")
        values = archive.values() | self.values()
        configuration = options.configuration
        factory = FunctionFactory(
            archive.key, configuration.public_json(), values, options.functions
        )
        most = max(_FEWEST, configuration.concurrent_jobs or _MOST_AT_ONCE_BY_DEFAULT)
        function = factory.create(self, "Jobs", functions.JOBS, concurrency=most)
        archive.grant_read_objects(function, [FINAL, RAW, UPLOADS, DERIVED, JOURNAL])
        archive.grant_restore_objects(function)
        received = [FINAL, RAW, ATTACHMENTS]
        archive.grant_write_objects(function, [*received, UPLOADS, DERIVED])
        archive.grant_list_parts(function, [*received, DERIVED])
        archive.grant_keep_journal(function)
        archive.grant_undelete(function)
        archive.grant_delete_objects(function, [UPLOADS, DERIVED])
        archive.grant_table(function)
        archive.grant_send(function, archive.transcode_inbox, *queues)
        self.grant_peers(function)
        QueueMapping(
            self,
            "JobsMessages",
            function=function,
            queue=self.jobs_queue.queue,
            key=archive.key,
            batch_size=1,
            maximum_concurrency=most,
        )

    def values(self) -> dict[str, str]:
        """Return the environment values that are known with this stack."""
        return {
            "jobs_queue": self.jobs_queue.queue.queue_url,
            "edge_jobs_queue": self.edge_jobs_queue.queue.queue_url,
            "peers_secret": self.peers.secret_arn,
        }

    def grant_peers(self, grantee: iam.IGrantable) -> None:
        """Allow reading the peers' passwords."""
        grant(grantee, ["secretsmanager:GetSecretValue"], [self.peers.secret_arn])
        grant(grantee, ["kms:Decrypt"], [self._key.key_arn])


def _create_peers(scope: Construct, key: kms.IKey) -> secretsmanager.Secret:
    """Create the secret with a generated placeholder; the peers' own are pushed into it later."""
    peers = secretsmanager.Secret(
        scope,
        "Peers",
        description="Nephele: passwords and certificates of OrthancPeers",
        encryption_key=key,
        generate_secret_string=secretsmanager.SecretStringGenerator(
            secret_string_template="{}",  # noqa: S106  an empty object
            generate_string_key="placeholder",
        ),
        removal_policy=RemovalPolicy.RETAIN,
    )
    reason = "Its passwords are those of other servers, and changed there."
    acknowledge(peers, {"SMG4": reason})
    acknowledge(peers, {"SecretsManagerRotationEnabled": reason}, REGULATIONS)
    return peers
