"""The ingest stack: what happens to an object after it is stored."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import functions
from infra.archive import Archive
from infra.components.acknowledge import acknowledge
from infra.components.function import FunctionFactory
from infra.components.mapping import QueueMapping, StreamMapping
from infra.components.queues import WorkQueue, create_dead_letter_queue
from infra.functions import FunctionSpec
from nephele.aws.index.keys import PENDING
from nephele.aws.keys import DERIVED, FINAL, RAW


class IngestStack(Stack):
    """Functions that transcode, index, number, purge and repair, each with its queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        archive: Archive,
        inbox_dead_letters: tuple[sqs.IQueue, ...],
        configuration: str,
    ) -> None:
        super().__init__(scope, construct_id, description="Nephele: from objects to the index")
        self._archive = archive
        self.stable_queue = self._create_queue("StableQueue", functions.STABLE)
        self.purge_queue = self._create_queue("PurgeQueue", functions.PURGE)
        self._stream_failures = create_dead_letter_queue(self, "StreamFailures", archive.key)
        acknowledge(
            self._stream_failures,
            {"SQS3": "It is itself the dead-letter queue of the table's stream."},
        )
        queues = {
            "stable_queue": self.stable_queue.queue.queue_url,
            "purge_queue": self.purge_queue.queue.queue_url,
        }
        self._factory = FunctionFactory(archive.key, configuration, archive.values() | queues)
        self._create_transcode()
        self._create_index()
        self._create_metadata()
        self._create_stable()
        self._create_purge()
        self._create_dead_letters(
            {
                "Transcode": inbox_dead_letters[0],
                "Index": inbox_dead_letters[1],
                "Stable": self.stable_queue.dead_letters,
                "Purge": self.purge_queue.dead_letters,
                "Stream": self._stream_failures,
            }
        )
        self._create_reconcile()

    def _create_queue(self, construct_id: str, consumer: FunctionSpec) -> WorkQueue:
        return WorkQueue(
            self,
            construct_id,
            key=self._archive.key,
            visibility_seconds=consumer.visibility_seconds,
        )

    def _consume(
        self,
        construct_id: str,
        function: lambda_.Function,
        queue: sqs.IQueue,
        *,
        batch_size: int,
        maximum_concurrency: int,
        window_seconds: int = 0,
    ) -> None:
        QueueMapping(
            self,
            construct_id,
            function=function,
            queue=queue,
            key=self._archive.key,
            batch_size=batch_size,
            maximum_concurrency=maximum_concurrency,
            window_seconds=window_seconds,
        )

    def _create_transcode(self) -> None:
        function = self._factory.create(self, "Transcode", functions.TRANSCODE)
        self._archive.grant_read_objects(function, [RAW, FINAL, DERIVED])
        self._archive.grant_write_objects(function, [FINAL, DERIVED])
        self._archive.grant_delete_objects(function, [RAW])
        self._archive.grant_write_table(function)
        self._consume(
            "TranscodeInbox",
            function,
            self._archive.transcode_inbox,
            batch_size=1,
            maximum_concurrency=10,
        )

    def _create_index(self) -> None:
        function = self._factory.create(self, "Index", functions.INDEX)
        self._archive.grant_read_objects(function, [FINAL])
        self._archive.grant_write_table(function)
        self._consume(
            "IndexInbox",
            function,
            self._archive.index_inbox,
            batch_size=100,
            window_seconds=1,
            maximum_concurrency=4,
        )

    def _create_metadata(self) -> None:
        function = self._factory.create(self, "Metadata", functions.METADATA)
        self._archive.grant_write_table(function)
        self._archive.grant_send(function, self.stable_queue.queue, self.purge_queue.queue)
        StreamMapping(
            self,
            "Stream",
            function=function,
            table=self._archive.table,
            key=self._archive.key,
            failures=self._stream_failures,
            key_prefixes=[PENDING],
        )

    def _create_stable(self) -> None:
        function = self._factory.create(self, "Stable", functions.STABLE)
        self._archive.grant_write_table(function)
        self._archive.grant_send(function, self.stable_queue.queue)
        self._consume(
            "StableMessages",
            function,
            self.stable_queue.queue,
            batch_size=10,
            maximum_concurrency=2,
        )

    def _create_purge(self) -> None:
        function = self._factory.create(self, "Purge", functions.PURGE)
        self._archive.grant_delete_objects(function, [FINAL, RAW, DERIVED])
        self._archive.grant_list_objects(function)
        self._archive.grant_write_table(function)
        self._consume(
            "PurgeMessages", function, self.purge_queue.queue, batch_size=10, maximum_concurrency=2
        )

    def _create_dead_letters(self, queues: dict[str, sqs.IQueue]) -> None:
        function = self._factory.create(self, "DeadLetters", functions.DEAD_LETTERS)
        self._archive.grant_write_table(function)
        for name, queue in queues.items():
            self._consume(
                f"{name}DeadLetters", function, queue, batch_size=10, maximum_concurrency=2
            )

    def _create_reconcile(self) -> None:
        function = self._factory.create(self, "Reconcile", functions.RECONCILE)
        self._archive.grant_list_objects(function)
        self._archive.grant_write_table(function)
        self._archive.grant_send(
            function,
            self._archive.index_inbox,
            self._archive.transcode_inbox,
            self.purge_queue.queue,
        )
        events.Rule(
            self,
            "ReconcileSchedule",
            description="Looks for objects that are stored but not indexed",
            schedule=events.Schedule.rate(Duration.minutes(15)),
            targets=[targets.LambdaFunction(function, retry_attempts=0)],
        )
