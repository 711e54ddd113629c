"""The EventBridge bus that tells of changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from nephele.aws import clients
from nephele.errors import Unavailable

SOURCE = "nephele"
_MOST_AT_ONCE = 10
"""EventBridge's limit for one call of PutEvents."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `kind` is EventBridge's detail type."""

    kind: str
    detail: dict[str, object]


@dataclass(frozen=True, slots=True)
class EventBus:
    """One bus, by its name."""

    name: str

    def put_all(self, events: Sequence[Event]) -> None:
        """Publish events, ten a request; Unavailable unless EventBridge took every one."""
        for start in range(0, len(events), _MOST_AT_ONCE):
            with clients.translated("events"):
                answer = clients.event_bridge().put_events(
                    Entries=[
                        {
                            "EventBusName": self.name,
                            "Source": SOURCE,
                            "DetailType": event.kind,
                            "Detail": orjson.dumps(event.detail).decode(),
                        }
                        for event in events[start : start + _MOST_AT_ONCE]
                    ]
                )
            if answer.get("FailedEntryCount"):
                raise Unavailable("events: EventBridge refused an event")
