"""Saying again and again, by another thread, that somebody is still at work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nephele.errors import NepheleError
from nephele.logs import logger

HEARTBEAT_SECONDS = 3.0


@contextmanager
def heartbeat(at_once: Callable[[], object], later: Callable[[], object]) -> Iterator[None]:
    """Call one function now and another regularly, until the block ends.

    A step of the block may take as long as it likes, as long as it lets other threads run: codecs
    do. An error of Nephele's is logged, and the next beat comes when it would have come.
    """
    is_over = threading.Event()

    def beat() -> None:
        call = at_once
        while True:
            try:
                call()
            except NepheleError as error:
                logger.warning("heartbeat failed", extra={"error": type(error).__name__})
            if is_over.wait(HEARTBEAT_SECONDS):
                return
            call = later

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
