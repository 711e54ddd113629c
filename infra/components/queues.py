"""A queue with its dead-letter queue, both encrypted, both closed to plain HTTP."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.components.acknowledge import SERVERLESS, acknowledge
from infra.functions import DEAD_LETTERS
from nephele.settings.limits import MAXIMUM_RECEIVES

_KEY_REUSE = Duration.hours(1)
_RETENTION = Duration.days(14)


class WorkQueue(Construct):
    """Messages for one function; after five failed receives they wait as dead letters."""

    def __init__(
        self, scope: Construct, construct_id: str, *, key: kms.IKey, visibility_seconds: int
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = create_dead_letter_queue(self, "DeadLetters", key)
        self.queue = _create_queue(
            self,
            "Queue",
            key,
            visibility_seconds,
            sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAXIMUM_RECEIVES),
        )


def create_dead_letter_queue(scope: Construct, construct_id: str, key: kms.IKey) -> sqs.Queue:
    """Create a queue that the dead_letters function consumes."""
    queue = _create_queue(scope, construct_id, key, DEAD_LETTERS.visibility_seconds, None)
    acknowledge(
        queue,
        {"SQSRedrivePolicy": "It is itself a dead-letter queue; a function empties it."},
        SERVERLESS,
    )
    return queue


def _create_queue(
    scope: Construct,
    construct_id: str,
    key: kms.IKey,
    visibility_seconds: int,
    dead_letter_queue: sqs.DeadLetterQueue | None,
) -> sqs.Queue:
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        data_key_reuse=_KEY_REUSE,
        enforce_ssl=True,
        visibility_timeout=Duration.seconds(visibility_seconds),
        retention_period=_RETENTION,
        dead_letter_queue=dead_letter_queue,
    )
