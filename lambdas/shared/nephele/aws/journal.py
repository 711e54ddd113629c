"""The journal: what the objects of the archive do not tell, kept in the bucket besides the table.

Its objects are small and written once, before what they tell of is answered. So nothing is in the
table alone, and `nephele.services.replay` rebuilds it. What users keep at a resource is written
whole each time, under a version that grows: the last one counts.
"""

from __future__ import annotations

from collections.abc import Mapping

from nephele.aws import clock, keys
from nephele.aws.bucket import Bucket
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.user_state import UserState, encode_state


def keep_state(bucket: Bucket, level: Level, orthanc_id: OrthancId, state: UserState) -> None:
    """Write what users keep at a resource now."""
    document = {"Level": level.value, "State": encode_state(state)}
    bucket.put_json(keys.state_key(orthanc_id, state.version), document)


def keep_option(bucket: Bucket, name: str, value: object) -> None:
    """Write an option that was changed."""
    bucket.put_json(keys.option_key(clock.microseconds()), {"Name": name, "Value": value})


def keep_definition(bucket: Bucket, kind: str, name: str, value: object) -> None:
    """Write a named definition that was changed; None where it was removed."""
    document = {"Kind": kind, "Name": name, "Value": value}
    bucket.put_json(keys.definition_key(clock.microseconds()), document)


def keep_export(bucket: Bucket, number: int, export: Mapping[str, str]) -> None:
    """Write an export."""
    bucket.put_json(keys.export_key(number), {"Export": dict(export)})


def keep_cleared_exports(bucket: Bucket, last: int) -> None:
    """Write that all exports up to a number were cleared."""
    bucket.put_json(f"{keys.export_key(last)}-cleared", {"Cleared": last})
