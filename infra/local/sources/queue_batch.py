"""Messages of a queue as Lambda's event, and a batch being collected."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from infra.local.aws.server import REGION

_EVENT_BYTES = 6 * 1024 * 1024 - 64 * 1024


@dataclass(slots=True, eq=False)
class Message:
    """A received message.

    Attributes
    ----------
    held_until : float
        It is not delivered before this moment of the monotonic clock.
    is_echo : bool
        A second delivery, injected: its outcome does not matter.
    """

    raw: Mapping[str, Any]
    held_until: float = 0.0
    is_echo: bool = False

    @property
    def message_id(self) -> str:
        """The message's id."""
        return str(self.raw["MessageId"])

    @property
    def receipt(self) -> str:
        """The handle of this receipt."""
        return str(self.raw["ReceiptHandle"])

    def record(self, source_arn: str) -> dict[str, object]:
        """Return the message as an event record."""
        return {
            "messageId": self.message_id,
            "receiptHandle": self.receipt,
            "body": self.raw["Body"],
            "attributes": self.raw.get("Attributes", {}),
            "messageAttributes": {
                name: _lower_first(value)
                for name, value in self.raw.get("MessageAttributes", {}).items()
            },
            "md5OfBody": self.raw.get("MD5OfBody", ""),
            "eventSource": "aws:sqs",
            "eventSourceARN": source_arn,
            "awsRegion": REGION,
        }


@dataclass(slots=True)
class Batch:
    """Messages collected for one invocation."""

    size: int
    window_seconds: float
    messages: list[Message] = field(default_factory=list)
    _bytes: int = 0
    _closes_at: float = 0.0

    def add(self, message: Message) -> None:
        """Add a message; the first one starts the window."""
        if not self.messages:
            self._closes_at = time.monotonic() + self.window_seconds
        self.messages.append(message)
        self._bytes += len(message.raw["Body"]) + 1024

    def has_room_for(self, message: Message) -> bool:
        """Tell whether a message fits into the batch's count and bytes."""
        if not self.messages:
            return True
        is_small = self._bytes + len(message.raw["Body"]) + 1024 <= _EVENT_BYTES
        return is_small and len(self.messages) < self.size

    @property
    def seconds_left(self) -> float:
        """Return how long the window stays open."""
        return max(0.0, self._closes_at - time.monotonic())

    @property
    def is_due(self) -> bool:
        """Tell whether the batch is to be delivered now."""
        return bool(self.messages) and (
            len(self.messages) >= self.size
            or self._bytes >= _EVENT_BYTES
            or self.seconds_left == 0.0
        )


def failed_ids(payload: bytes, batch: list[Message]) -> frozenset[str]:
    """Return the ids an answer reports as failed; an answer that makes no sense fails them all."""
    everything = frozenset(message.message_id for message in batch)
    try:
        answer = orjson.loads(payload) if payload else None
    except orjson.JSONDecodeError:
        return everything
    if answer is None or answer == {}:
        return frozenset()
    if not isinstance(answer, dict):
        return everything
    failures = answer.get("batchItemFailures") or []
    ids = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in failures]
    reported = frozenset(item for item in ids if isinstance(item, str))
    if len(reported) < len(set(ids)) or not reported <= everything:
        return everything
    return reported


def _lower_first(attribute: Mapping[str, Any]) -> dict[str, Any]:
    return {name[:1].lower() + name[1:]: value for name, value in attribute.items()}
