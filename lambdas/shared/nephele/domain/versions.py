"""Which of two receptions of one SOP Instance UID the archive serves."""

from __future__ import annotations

Reception = tuple[str, str]
"""Reception time (`Provenance.received`) and uuid of a reception; it sorts by time."""


def beats(challenger: Reception, holder: Reception, *, overwrite_instances: bool) -> bool:
    """Tell whether a reception takes the place of another, whatever the order of their events.

    The earliest reception is kept, with `OverwriteInstances` the latest; the uuid breaks ties.
    """
    return challenger > holder if overwrite_instances else challenger < holder
