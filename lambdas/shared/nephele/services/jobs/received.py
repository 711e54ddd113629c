"""What retrievals have brought, in the content of their jobs: a few ids themselves, many by name.

A job's row holds 400 KB; ids hardly become smaller by packing, and a study may have any number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nephele.aws.keys import job_key
from nephele.domain.jobs import Document
from nephele.services.archive import Archive

MOST_IN_ROW = 2000
"""Ids that all retrievals of one job keep in its row together."""
_IDS = "ReceivedInstancesIds"
_OBJECT = "Object"


def detail(
    archive: Archive, job: str, before: Sequence[Document], fields: Document, ids: list[str]
) -> Document:
    """Return what a job's content tells of a retrieval.

    Parameters
    ----------
    job : str
        The job's id.
    before : sequence of dict
        What it tells of earlier retrievals.
    """
    in_row = sum(len(one[_IDS]) for one in before if isinstance(one[_IDS], list))
    if in_row + len(ids) <= MOST_IN_ROW:
        return {**fields, _IDS: ids}
    key = job_key(f"{job}.received-{len(before)}")
    archive.bucket.put_json(key, ids)
    return {**fields, _IDS: {_OBJECT: key}}


def shown(archive: Archive, value: Any) -> Any:
    """Return a job's content, or the payload of its error, with the ids of all retrievals."""
    if not isinstance(value, dict):
        return value
    lists = {name: value[name] for name in ("Details", "Content") if _has_details(value.get(name))}
    return value | {
        name: [_with_ids(archive, one) for one in details] for name, details in lists.items()
    }


def _has_details(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) and _IDS in one for one in value)


def _with_ids(archive: Archive, one: Document) -> Document:
    kept = one[_IDS]
    return one if isinstance(kept, list) else {**one, _IDS: archive.bucket.read_json(kept[_OBJECT])}
