"""A request other than C-STORE: its command, and its data set as it came."""

from __future__ import annotations

from dataclasses import dataclass, field

from dimse_edge.command import Command


@dataclass(slots=True)
class Request:
    """What a service is asked.

    Attributes
    ----------
    abstract_syntax, transfer_syntax_uid : str
        As negotiated for the presentation context it came in.
    data_set : bytearray
        The identifier, or what else follows the command; empty without one.
    """

    command: Command
    context_id: int
    abstract_syntax: str
    transfer_syntax_uid: str
    data_set: bytearray = field(default_factory=bytearray, repr=False)
