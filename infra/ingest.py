"""The ingest stack: what happens to an object after it is stored."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import functions
from infra.archive import Archive
from infra.components.acknowledge import SERVERLESS, acknowledge
from infra.components.alarms import add_alarm
from infra.components.function import FunctionFactory, grant
from infra.components.mapping import QueueMapping, StreamMapping
from infra.components.queues import WorkQueue, create_dead_letter_queue
from infra.components.service_alarms import iter_ingest_watches, iter_recycle_watches
from infra.functions import FunctionSpec
from infra.jobs import JobsStack
from infra.options import Options
from nephele.aws.index.keys import CHANGES, PENDING
from nephele.aws.keys import ATTACHMENTS, DERIVED, FINAL, JOURNAL, RAW

_NUMBER_CHANGES = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")


class IngestStack(Stack):
    """Functions that transcode, index, number, purge and repair, each with its queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        archive: Archive,
        inbox_dead_letters: tuple[sqs.IQueue, ...],
        jobs: JobsStack,
        alarms: sns.ITopic,
        options: Options,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Nephele: from objects to the index",
            env=options.environment,
        )
        self._archive = archive
        self._jobs = jobs
        configuration = options.configuration
        self._is_forwarding = bool(configuration.auto_forward)
        self._is_reserving = configuration.maximum_storage_mode == "Reject"
        self.stable_queue = self._create_queue("StableQueue", functions.STABLE)
        self.purge_queue = self._create_queue("PurgeQueue", functions.PURGE)
        self._recycle_queue = self._create_queue("RecycleQueue", functions.RECYCLE)
        self._events = events.EventBus(self, "Events", description="Nephele: changes")
        CfnOutput(self, "EventBus", value=self._events.event_bus_name, description="Its changes")
        self._stream_failures = create_dead_letter_queue(self, "StreamFailures", archive.key)
        acknowledge(
            self._stream_failures,
            {"SQS3": "It is itself the dead-letter queue of the table's stream."},
        )
        queues = {
            "stable_queue": self.stable_queue.queue.queue_url,
            "purge_queue": self.purge_queue.queue.queue_url,
            "recycle_queue": self._recycle_queue.queue.queue_url,
            "event_bus": self._events.event_bus_name,
        }
        self._factory = FunctionFactory(
            archive.key,
            options.configuration.public_json(),
            archive.values() | jobs.values() | queues,
            options.functions,
        )
        self._create_transcode()
        self._create_index()
        metadata = self._create_metadata()
        self._create_stable()
        self._create_purge()
        recycle = self._create_recycle()
        self._create_dead_letters(
            {
                "Transcode": inbox_dead_letters[0],
                "Index": inbox_dead_letters[1],
                "Stable": self.stable_queue.dead_letters,
                "Purge": self.purge_queue.dead_letters,
                "Recycle": self._recycle_queue.dead_letters,
                "Stream": self._stream_failures,
                "Jobs": jobs.jobs_queue.dead_letters,
                "EdgeJobs": jobs.edge_jobs_queue.dead_letters,
            }
        )
        self._create_reconcile()
        for watch in (
            *iter_ingest_watches(metadata, archive.table.table_name, options.quiet_hours),
            *iter_recycle_watches(recycle.log_group),
        ):
            add_alarm(self, alarms, watch)

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
        self._archive.grant_table(function, ["GetItem", "PutItem", "Query"])
        if self._is_reserving:
            self._archive.grant_table(function, ["BatchWriteItem"])
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
        self._archive.grant_table(
            function,
            ["BatchGetItem", "BatchWriteItem", "PutItem", "Query", "UpdateItem"],
        )
        self._consume(
            "IndexInbox",
            function,
            self._archive.index_inbox,
            batch_size=100,
            window_seconds=1,
            maximum_concurrency=4,
        )

    def _create_metadata(self) -> lambda_.Function:
        function = self._factory.create(self, "Metadata", functions.METADATA)
        self._archive.grant_table(function, _NUMBER_CHANGES)
        queues = [self.stable_queue.queue, self.purge_queue.queue, self._recycle_queue.queue]
        if self._is_forwarding:
            self._archive.grant_read_objects(function, [FINAL])
            self._archive.grant_table(function, ["BatchGetItem"])
            queues += [self._jobs.jobs_queue.queue, self._jobs.edge_jobs_queue.queue]
        self._archive.grant_send(function, *queues)
        grant(function, ["events:PutEvents"], [self._events.event_bus_arn])
        StreamMapping(
            self,
            "Stream",
            function=function,
            table=self._archive.table,
            key=self._archive.key,
            failures=self._stream_failures,
            key_prefixes=[PENDING, CHANGES],
        )
        return function

    def _create_stable(self) -> None:
        function = self._factory.create(self, "Stable", functions.STABLE)
        self._archive.grant_table(function, ["PutItem", "UpdateItem"])
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
        self._archive.grant_delete_objects(function, [FINAL, DERIVED, ATTACHMENTS])
        self._archive.grant_undelete(function)
        self._archive.grant_table(function, ["BatchWriteItem", "GetItem", "UpdateItem"])
        self._consume(
            "PurgeMessages", function, self.purge_queue.queue, batch_size=10, maximum_concurrency=2
        )

    def _create_recycle(self) -> lambda_.Function:
        function = self._factory.create(self, "Recycle", functions.RECYCLE)
        self._archive.grant_read_objects(function, [JOURNAL])
        self._archive.grant_keep_journal(function)
        self._archive.grant_table(
            function, ["BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"]
        )
        self._archive.grant_send(function, self._recycle_queue.queue)
        self._consume(
            "RecycleMessages",
            function,
            self._recycle_queue.queue,
            batch_size=1,
            maximum_concurrency=2,
        )
        return function

    def _create_dead_letters(self, queues: dict[str, sqs.IQueue]) -> None:
        function = self._factory.create(self, "DeadLetters", functions.DEAD_LETTERS)
        self._archive.grant_table(
            function, ["DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"]
        )
        for name, queue in queues.items():
            self._consume(
                f"{name}DeadLetters", function, queue, batch_size=10, maximum_concurrency=2
            )

    def _create_reconcile(self) -> None:
        function = self._factory.create(self, "Reconcile", functions.RECONCILE)
        self._archive.grant_read_objects(function, [JOURNAL])
        self._archive.grant_keep_journal(function)
        self._archive.grant_delete_objects(function, [JOURNAL])
        self._archive.grant_table(function)
        self._archive.grant_send(
            function,
            self._archive.index_inbox,
            self._archive.transcode_inbox,
            self.purge_queue.queue,
            self._recycle_queue.queue,
            self._jobs.jobs_queue.queue,
            self._jobs.edge_jobs_queue.queue,
        )
        rule = events.Rule(
            self,
            "ReconcileSchedule",
            description="Looks for objects that are stored but not indexed",
            schedule=events.Schedule.rate(Duration.minutes(15)),
            targets=[targets.LambdaFunction(function, retry_attempts=0)],
        )
        acknowledge(
            rule,
            {
                "EventBusDLQ": (
                    "A call that is lost is made again 15 minutes later, and looks for the same;"
                    " an alarm tells when none comes."
                )
            },
            SERVERLESS,
        )
