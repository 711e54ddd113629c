"""The journal: what the objects of the archive do not tell, kept in the bucket besides the table.

Its objects are small and written once, before what they tell of is answered. So nothing is in the
table alone, and `nephele.services.replay` rebuilds it. What users keep at a resource is written
whole each time, under a version that grows: the last one counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from nephele.aws import clock, keys
from nephele.aws.bucket import Bucket
from nephele.aws.index.definitions import WORKLISTS
from nephele.domain.deletions import Deletion
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.user_state import UserState, encode_state
from nephele.settings.peer import without_secrets

DELETION = "deletion"
"""Name of the object that tells of a deletion as a whole; the others have its tombstones."""

_DAY_SECONDS = 86_400


def keep_state(
    bucket: Bucket,
    level: Level,
    orthanc_id: OrthancId,
    state: UserState,
    *,
    has_ended: bool = False,
) -> None:
    """Write what users keep at a resource now; `has_ended` where the resource is gone."""
    document: dict[str, Any] = {"Level": level.value, "State": encode_state(state)}
    if has_ended:
        document["Ended"] = True
    bucket.put_json(keys.state_key(orthanc_id, state.version, has_ended=has_ended), document)


def tidy_states(
    bucket: Bucket, first: str, settled_before: float, has_time: Callable[[], bool]
) -> bool:
    """Remove states that later ones took the place of; tell whether there was time for all.

    Parameters
    ----------
    first : str
        What the ids of the resources begin with: two characters or one.
    settled_before : float
        Epoch second: a resource that was gone before has none any more, since nobody writes an
        older one now.
    """
    changed = dict(bucket.iter_objects(f"{keys.STATES}{first}"))

    def has_ended(name: str) -> bool:
        return keys.is_ended_state(name) and changed[name] < settled_before

    for name in _outlived(changed, has_ended):
        if not has_time():
            return False
        bucket.delete(name)
    return True


def _outlived(names: Iterable[str], is_over: Callable[[str], bool]) -> list[str]:
    """Return what is not the last of its folder, then last ones that are over.

    They are to be removed in this order: what is gone must not come back.

    Parameters
    ----------
    names : iterable of str
        Ascending.
    """
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_folder[name.rpartition("/")[0]].append(name)
    superseded = [name for found in by_folder.values() for name in found[:-1]]
    over = [found[-1] for found in by_folder.values() if is_over(found[-1])]
    return superseded + over


def keep_deletion(bucket: Bucket, deletion: Deletion) -> None:
    """Write that a resource is going to be deleted, and until when that can be undone."""
    bucket.put_json(keys.deletion_key(deletion.identifier, DELETION), asdict(deletion))


def read_deletion(bucket: Bucket, name: str) -> Deletion:
    """Read what `keep_deletion` wrote."""
    document = bucket.read_json(name)
    document |= {
        "level": Level(document["level"]),
        "orthanc_id": OrthancId(document["orthanc_id"]),
    }
    return Deletion(**document)


def keep_option(bucket: Bucket, name: str, value: object) -> None:
    """Write an option that was changed."""
    bucket.put_json(keys.option_key(clock.microseconds()), {"Name": name, "Value": value})


def tidy_options(bucket: Bucket) -> int:
    """Remove changes of options that later ones took the place of; return how many."""
    names = [name for name, _ in bucket.iter_objects(keys.OPTIONS)]
    options = [bucket.read_json(name)["Name"] for name in names]
    last = dict(zip(options, names, strict=True))
    superseded = [name for option, name in zip(options, names, strict=True) if name != last[option]]
    for name in superseded:
        bucket.delete(name)
    return len(superseded)


def keep_definition(
    bucket: Bucket, kind: str, name: str, value: object, version: int, expires: int = 0
) -> None:
    """Write a named definition that was changed; None where it was removed.

    That a worklist was removed, which no configuration brings back, expires after a day.
    """
    if kind == WORKLISTS and value is None:
        expires = clock.expiry(_DAY_SECONDS)
    document = {"Kind": kind, "Name": name, "Value": value, "Version": version}
    bucket.put_json(keys.definition_key(kind, name, version, expires), document)


def tidy_definitions(bucket: Bucket) -> int:
    """Remove definitions that have expired, or that later ones took the place of; return how many.

    So what somebody removed, or changed, does not stay for ever.
    """
    _carry_over_earlier(bucket)
    names = [name for name, _ in bucket.iter_objects(keys.DEFINITIONS)]
    now = clock.epoch_seconds()
    outlived = _outlived(
        (name for name in names if not keys.is_earlier_definition(name)),
        lambda name: 0 < keys.definition_expires(name) <= now,
    )
    for name in outlived:
        bucket.delete(name)
    return len(outlived)


def _carry_over_earlier(bucket: Bucket) -> None:
    """Write what an earlier release kept under the keys of this one, without secrets.

    What it wrote goes when the last version of each definition is there.
    """
    listed = [name for name, _ in bucket.iter_objects(keys.DEFINITIONS)]
    earlier = [name for name in listed if keys.is_earlier_definition(name)]
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for document in map(bucket.read_json, earlier):
        place = document["Kind"], document["Name"]
        if place not in last or document["Version"] >= last[place]["Version"]:
            last[place] = document
    for (kind, name), document in last.items():
        value, expires = document["Value"], 0
        if isinstance(value, dict):
            value = without_secrets(value)
            expires = value.get("Expires", 0) if kind == WORKLISTS else 0
        keep_definition(bucket, kind, name, value, document["Version"], expires)
    for name in earlier:
        bucket.delete(name)


def keep_last_change(bucket: Bucket, last: int) -> None:
    """Write how far the numbers of changes have come."""
    bucket.put_json(keys.changes_key(last), {"Last": last})
    for name in [name for name, _ in bucket.iter_objects(keys.CHANGES)][:-1]:
        bucket.delete(name)


def last_change(bucket: Bucket) -> int:
    """Return the greatest number `keep_last_change` has written, 0 where there is none."""
    names = [name for name, _ in bucket.iter_objects(keys.CHANGES)]
    return int(names[-1].removeprefix(keys.CHANGES)) if names else 0


def keep_export(bucket: Bucket, number: int, export: Mapping[str, str]) -> None:
    """Write an export."""
    bucket.put_json(keys.export_key(number), {"Export": dict(export)})


def keep_cleared_exports(bucket: Bucket, last: int) -> None:
    """Write that all exports up to a number were cleared."""
    bucket.put_json(keys.cleared_exports_key(last), {"Cleared": last})


def tidy_exports(bucket: Bucket) -> int:
    """Remove exports that were cleared since; return how many.

    The last note that they were stays: numbers go on behind it.
    """
    names = [name for name, _ in bucket.iter_objects(keys.EXPORTS)]
    cleared = max(filter(keys.is_cleared_exports, names), default="")
    gone = [name for name in names if name < cleared]
    for name in gone:
        bucket.delete(name)
    return len(gone)
