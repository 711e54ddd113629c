"""The tags of very many instances as a job: some at a time, so that another worker can go on."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from nephele.aws.keys import answer_key
from nephele.aws.part_upload import PartUpload
from nephele.domain.dicom_json import TagFormat, in_format
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.rest.job_arguments import answer_awaited
from nephele.rest.styled_json import iter_styled, styled
from nephele.services.archive import Archive
from nephele.services.hierarchy import require_resource
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import run_or_wait, submit
from nephele.services.tags import instances_beneath, iter_instances_tags, shared_tags

INSTANCES_IN_CALL = 1000
"""What is answered within a call: some 3 s, and 40 MB where headers are long."""
AT_ONCE = 500
_AFTER, _PARTS, _DONE = "after", "parts", "done"


def is_much(resource: Resource) -> bool:
    """Tell whether the tags of all instances beneath a resource may take longer than a call."""
    return resource.totals.instances > INSTANCES_IN_CALL


def answer_by_job(
    request: Request,
    archive: Archive,
    resource: Resource,
    tag_format: TagFormat,
    ignore_length: frozenset[int] | None,
) -> Response:
    """Let a job gather the tags, and wait as long as a call may; else send the client to its end.

    Parameters
    ----------
    ignore_length : frozenset of int or None
        Tags shown however long they are; None for the tags that all instances share.
    """
    asked: dict[str, Any] = {
        "Level": resource.level.value,
        "ID": resource.orthanc_id,
        "Format": tag_format.value,
        "Shared": ignore_length is None,
        "IgnoreLength": sorted(ignore_length or ()),
    }
    job = submit(archive, "InstancesTags", asked)
    return answer_awaited(request, archive, run_or_wait(archive, job))


def run(archive: Archive, piece: Slice) -> bool:
    """Gather the tags of what is left, in ascending order of ids, then write the answer.

    What is deleted meanwhile is left out.
    """
    asked, position = piece.request, piece.position
    resource = require_resource(archive, Level(asked["Level"]), asked["ID"])
    gather = _share if asked["Shared"] else _list
    ids = [one for one in instances_beneath(archive, resource) if one > position.get(_AFTER, "")]
    for start in range(0, len(ids), AT_ONCE):
        if not piece.has_time():
            return False
        some = ids[start : start + AT_ONCE]
        gather(archive, piece, some)
        done = position.get(_DONE, 0) + len(some)
        position |= {_AFTER: some[-1], _DONE: done}
        piece.checkpoint(done / (done + len(ids) - start))
    write = _write_shared if asked["Shared"] else _write_list
    key = answer_key(piece.job.identifier)
    write(archive, piece, key)
    piece.set_output(key, "tags.json")
    return True


def _list(archive: Archive, piece: Slice, ids: list[OrthancId]) -> None:
    """Keep the members of the answer's object for some instances, without its braces."""
    lifted = frozenset(piece.request["IgnoreLength"])
    tags = iter_instances_tags(archive, ids, TagFormat(piece.request["Format"]), lifted)
    members = "".join(iter_styled(tags)).removeprefix("{").removesuffix("}").removesuffix("\n")
    part = piece.position.get(_PARTS, 0)
    if members:
        archive.bucket.put_whole(_part_key(piece, part), members.encode(), {})
        piece.position[_PARTS] = part + 1


def _write_list(archive: Archive, piece: Slice, key: str) -> None:
    count = piece.position.get(_PARTS, 0)
    with PartUpload(archive.bucket, key, lambda _: {}) as upload:
        for part in range(count):
            upload.write(b"," if part else b"")
            upload.write(archive.bucket.read(_part_key(piece, part)))
        upload.write(b"\n}" if count else b"}")
        upload.finish(b"{")


def _share(archive: Archive, piece: Slice, ids: list[OrthancId]) -> None:
    """Keep what is shared up to here: doing that again changes nothing."""
    key = _part_key(piece, 0)
    before = archive.bucket.read_json(key) if piece.position.get(_PARTS) else None
    shared = shared_tags(archive, ids, before)
    archive.bucket.put_whole(key, orjson.dumps(shared), {})
    piece.position[_PARTS] = 1


def _write_shared(archive: Archive, piece: Slice, key: str) -> None:
    shared = archive.bucket.read_json(_part_key(piece, 0)) if piece.position.get(_PARTS) else {}
    shown = in_format(shared or {}, TagFormat(piece.request["Format"]))
    archive.bucket.put_whole(key, styled(shown).encode(), {})


def _part_key(piece: Slice, part: int) -> str:
    return answer_key(f"{piece.job.identifier}/{part}")
