"""One call of a function: what goes in, and how it ended."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

import orjson

from nephele.settings.limits import LAMBDA_PAYLOAD_BYTES

PAYLOAD_BYTES = LAMBDA_PAYLOAD_BYTES

TIMED_OUT = "Sandbox.Timedout"
EXITED = "Runtime.ExitError"
OUT_OF_MEMORY = "Runtime.OutOfMemory"
RESPONSE_TOO_LARGE = "Function.ResponseSizeTooLarge"
UNHANDLED = "Unhandled"


class PayloadTooLarge(Exception):
    """The event is larger than Lambda takes."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """An event on its way to a worker."""

    payload: bytes
    timeout_seconds: float
    arn: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def headers(self) -> dict[str, str]:
        """Return the headers the Runtime API hands it out with; the clock starts now."""
        deadline_ms = int((time.time() + self.timeout_seconds) * 1000)
        root = self.request_id.replace("-", "")
        return {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{root[:8]}-{root[8:32]};Sampled=0",
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended; `error` is "" when the function returned."""

    payload: bytes
    error: str = ""

    @property
    def is_good(self) -> bool:
        """Tell whether the function returned."""
        return not self.error

    def error_message(self) -> str:
        """Return the message of the error the function raised."""
        document = orjson.loads(self.payload) if self.payload else {}
        return str(document.get("errorMessage", "")) if isinstance(document, dict) else ""


def failure(error: str, message: str) -> Outcome:
    """Return the outcome Lambda makes up when a function cannot answer for itself."""
    return Outcome(orjson.dumps({"errorType": error, "errorMessage": message}), error)
