"""Signals that ask a command to end: the first lets it finish what is under way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stopped_by(*numbers: signal.Signals, tell: Callable[[], object]) -> Iterator[threading.Event]:
    """Let the first signal set an event and call `tell`; the one after it does what it ever did.

    A signal that is ignored stays ignored: that is how shells start what runs in the background.
    """
    stop = threading.Event()
    handlers = {number: signal.getsignal(number) for number in numbers}
    before = {number: one for number, one in handlers.items() if one is not signal.SIG_IGN}

    def set_stop(number: int, _frame: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        stop.set()
        tell()

    for number in before:
        signal.signal(number, set_stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
