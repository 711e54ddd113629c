"""Switches that make the local cloud behave as badly as a real one."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, and how often; probabilities are between 0 and 1.

    Attributes
    ----------
    duplicate : float
        A message or stream batch is delivered once more.
    reorder : bool
        Messages of a queue are delivered in another order.
    delay_seconds : float
        Each message is held back for a random time up to this.
    kill : float
        The worker is killed while it handles an invocation.
    conflict : float
        A DynamoDB write is refused with TransactionConflict.
    throttle : float
        An AWS call is refused because there are too many.
    s3_put_ms, s3_get_ms, transaction_ms : float
        Milliseconds added to S3 writes, S3 reads and DynamoDB transactions.
    retry_seconds : float or None
        When messages of a failed batch come back; None waits for the queue's visibility timeout.
    paused : tuple of str
        Functions whose event sources are held.
    rates : mapping of str to float
        Records per second a function is fed at most.
    """

    duplicate: float = 0.0
    reorder: bool = False
    delay_seconds: float = 0.0
    kill: float = 0.0
    conflict: float = 0.0
    throttle: float = 0.0
    s3_put_ms: float = 0.0
    s3_get_ms: float = 0.0
    transaction_ms: float = 0.0
    retry_seconds: float | None = None
    paused: tuple[str, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)

    @property
    def needs_proxy(self) -> bool:
        """Tell whether calls to AWS have to pass our proxy."""
        return any(
            (
                self.conflict,
                self.throttle,
                self.s3_put_ms,
                self.s3_get_ms,
                self.transaction_ms,
            )
        )


class Switches:
    """The faults in force now, and the chance that decides each time."""

    def __init__(self, faults: Faults, *, has_proxy: bool) -> None:
        self.faults = faults
        self.has_proxy = has_proxy
        self._random = random.Random()  # noqa: S311  no secret depends on it

    def change(self, changes: Mapping[str, Any]) -> Faults:
        """Replace some of the faults.

        Raises
        ------
        ValueError
            A name is unknown, or the change needs the proxy and there is none.
        """
        known = {item.name for item in dataclasses.fields(Faults)}
        if unknown := sorted(set(changes) - known):
            raise ValueError(f"no such switch: {', '.join(unknown)}")
        given = dict(changes)
        if "paused" in given:
            given["paused"] = tuple(given["paused"])
        faults = dataclasses.replace(self.faults, **given)
        if faults.needs_proxy and not self.has_proxy:
            raise ValueError("faults of AWS calls need `nephele up --proxy`")
        self.faults = faults
        return faults

    def strikes(self, probability: float) -> bool:
        """Tell whether something of this probability happens now."""
        return probability > 0 and self._random.random() < probability

    def up_to(self, maximum: float) -> float:
        """Return a random number between 0 and a maximum."""
        return self._random.uniform(0, maximum) if maximum else 0.0

    def shuffle(self, items: list[Any]) -> None:
        """Bring a list into another order, in place."""
        self._random.shuffle(items)
