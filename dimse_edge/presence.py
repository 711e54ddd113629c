"""What a task tells ECS of itself: that it must not be stopped, and how busy it is.

A task that serves associations is protected from scaling in; deployments wait for it as well.
"""

from __future__ import annotations

import json
import os
import threading
import urllib.request

from nephele.logs import logger
from nephele.services.cloudwatch_metrics import ASSOCIATIONS, count

_PATH = "/task-protection/v1/state"
_PROTECTED_MINUTES = 120
"""After that ECS forgets it, should this process have died; it is renewed long before."""
_TELL_SECONDS = 60.0
_ANSWER_SECONDS = 5.0


class Presence:
    """Tell of the associations of this task, now and each minute.

    Nothing is told outside of ECS, whose agent says where it is by ECS_AGENT_URI.
    """

    def __init__(self) -> None:
        self._agent = os.environ.get("ECS_AGENT_URI", "")
        self._associations = 0
        self._is_over = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        """Begin, where there is somebody to be told."""
        if self._agent:
            self._thread.start()

    def tell(self, associations: int) -> None:
        """Take notice of how many associations there are; never waits."""
        with self._changed:
            was_busy = self._associations > 0
            self._associations = associations
            if was_busy != (associations > 0):
                self._changed.notify()

    def stop(self) -> None:
        """Give the protection up: the task is ending."""
        with self._changed:
            self._is_over = True
            self._associations = 0
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(_ANSWER_SECONDS)

    def _run(self) -> None:
        is_protected = False
        while True:
            with self._changed:
                busy, is_over = self._associations, self._is_over
            if busy or is_protected:
                # one that could not be changed may be there: it is given up next time
                is_protected = not self._protect(busy > 0) or busy > 0
            if is_over:
                return
            count(ASSOCIATIONS, busy)
            with self._changed:
                if self._is_over or (self._associations > 0) != (busy > 0):
                    continue
                self._changed.wait(_TELL_SECONDS)

    def _protect(self, wanted: bool) -> bool:
        """Ask the agent; False if it did not do it."""
        state: dict[str, object] = {"ProtectionEnabled": wanted}
        if wanted:
            state["ExpiresInMinutes"] = _PROTECTED_MINUTES
        request = urllib.request.Request(  # noqa: S310  the agent's own address
            f"{self._agent}{_PATH}",
            data=json.dumps(state).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
                failure = json.load(answer).get("failure")
        except (OSError, ValueError) as exc:
            failure = type(exc).__name__
        if failure:
            logger.warning("the task's protection was not changed", extra={"wanted": wanted})
        return not failure
