"""The SQS queues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from nephele.aws import clients
from nephele.errors import Unavailable
from nephele.logs import logger

MAXIMUM_DELAY_SECONDS = 900
"""SQS delays one message by 15 minutes at most."""

_LONGEST_POLL_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Received:
    """A message for somebody who polls a queue by himself; `deliveries` counts this one."""

    text: str
    handle: str
    deliveries: int

    @property
    def body(self) -> Any:
        """Parse the message; JSONDecodeError where it is not one of Nephele's own."""
        return orjson.loads(self.text)


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue, by its URL."""

    url: str

    def send(self, body: object, delay_seconds: int = 0) -> None:
        """Send one message as JSON."""
        self.send_all([body], delay_seconds)

    def send_all(self, bodies: Sequence[object], delay_seconds: int = 0) -> None:
        """Send messages, ten a request; Unavailable unless SQS took every one."""
        self.send_each([(body, delay_seconds) for body in bodies])

    def send_each(self, delayed: Sequence[tuple[object, int]]) -> None:
        """Send messages, each after its own delay in seconds; otherwise as `send_all`."""
        for start in range(0, len(delayed), 10):
            batch = delayed[start : start + 10]
            with clients.translated("queue"):
                answer = clients.sqs().send_message_batch(
                    QueueUrl=self.url,
                    Entries=[
                        {
                            "Id": str(n),
                            "MessageBody": orjson.dumps(body).decode(),
                            "DelaySeconds": min(delay_seconds, MAXIMUM_DELAY_SECONDS),
                        }
                        for n, (body, delay_seconds) in enumerate(batch)
                    ],
                )
            if answer.get("Failed"):
                raise Unavailable("queue: SQS refused a message")

    def receive(self, most: int = 1, wait_seconds: int = _LONGEST_POLL_SECONDS) -> list[Received]:
        """Wait for messages, ten at most; they come again unless deleted."""
        with clients.translated("queue"):
            answer = clients.sqs().receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Received(
                message["Body"],
                message["ReceiptHandle"],
                int(message["Attributes"]["ApproximateReceiveCount"]),
            )
            for message in answer.get("Messages", [])
        ]

    def keep_away(self, handle: str, seconds: int) -> None:
        """Let a received message come again after a while, and not before."""
        with clients.translated("queue"):
            clients.sqs().change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=seconds
            )

    def delete(self, handle: str) -> None:
        """Remove a received message, whose work is done."""
        with clients.translated("queue"):
            clients.sqs().delete_message(QueueUrl=self.url, ReceiptHandle=handle)


def return_after(queue_arn: str, delays_seconds: Mapping[str, int]) -> None:
    """Let messages that are being processed, by receipt handle, come again after a while.

    Only their delay is at stake, so an error is logged and no more: they come again anyway.
    """
    try:
        url = _url(queue_arn)
        for handle, delay in delays_seconds.items():
            clients.sqs().change_message_visibility(
                QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=delay
            )
    except (ClientError, BotoCoreError):
        logger.exception("retry delay not set", extra={"queue": queue_arn})


@cache
def _url(queue_arn: str) -> str:
    return clients.sqs().get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
