"""Event-source mappings, each with exactly the permissions its poller needs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.components.acknowledge import SERVERLESS, acknowledge
from infra.components.function import grant

POLL = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage")
_RECEIVE = (*POLL, "sqs:GetQueueAttributes", "sqs:GetQueueUrl")
"""Lambda polls with three of them; the function itself lets what failed come again sooner."""
_READ_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")


class QueueMapping(Construct):
    """Feed a queue's messages to a function, which answers with the ones that failed."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.Function,
        queue: sqs.IQueue,
        key: kms.IKey,
        batch_size: int,
        window_seconds: int = 0,
        maximum_concurrency: int,
    ) -> None:
        super().__init__(scope, construct_id)
        grant(function, _RECEIVE, [queue.queue_arn])
        grant(function, ["kms:Decrypt"], [key.key_arn])
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "Mapping",
            function_name=function.function_name,
            event_source_arn=queue.queue_arn,
            batch_size=batch_size,
            maximum_batching_window_in_seconds=window_seconds,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(
                maximum_concurrency=maximum_concurrency
            ),
        )
        mapping.node.add_dependency(function)
        acknowledge(
            self,
            {
                "LambdaEventSourceMappingDestination": (
                    "A queue's mapping has no destination: what keeps failing goes to the queue's"
                    " own dead-letter queue, and from there into the index."
                )
            },
            SERVERLESS,
        )


_LONGEST_RETRY_SECONDS = 6 * 3600
"""What follows a commit is tried for so long; streams keep records for a day."""


class StreamMapping(Construct):
    """Feed a table's new rows to a function; what keeps failing goes to a queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.Function,
        table: dynamodb.ITable,
        key: kms.IKey,
        failures: sqs.IQueue,
        key_prefixes: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        stream_arn = table.table_stream_arn
        if stream_arn is None:
            raise ValueError("the table has no stream")
        grant(function, _READ_STREAM, [stream_arn])
        grant(function, ["sqs:SendMessage"], [failures.queue_arn])
        grant(function, ["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn])
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "Mapping",
            function_name=function.function_name,
            event_source_arn=stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=100,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=-1,
            maximum_record_age_in_seconds=_LONGEST_RETRY_SECONDS,
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=failures.queue_arn
                )
            ),
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[
                    lambda_.CfnEventSourceMapping.FilterProperty(pattern=_pattern(key_prefixes))
                ]
            ),
        )
        mapping.node.add_dependency(function)


def _pattern(key_prefixes: Sequence[str]) -> str:
    prefixes = [{"prefix": prefix} for prefix in key_prefixes]
    image = {"NewImage": {"pk": {"S": prefixes}}}
    return json.dumps({"eventName": ["INSERT"], "dynamodb": image}, separators=(",", ":"))
