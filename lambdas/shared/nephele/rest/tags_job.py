"""The tags of very many instances as a job: some at a time, so that another worker can go on."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response, StreamingResponse

from nephele.aws import clock
from nephele.aws.keys import answer_key
from nephele.aws.part_upload import PartUpload
from nephele.domain.dicom_json import Json, TagFormat, in_format
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import Resource
from nephele.rest.answers import JSON
from nephele.rest.job_arguments import answer_awaited
from nephele.rest.limits import ANSWER_LIMIT
from nephele.rest.styled_json import styled
from nephele.rest.tags_step import TagsStep
from nephele.services.archive import Archive
from nephele.services.hierarchy import require_resource
from nephele.services.jobs.slices import Slice
from nephele.services.jobs.submit import WAIT_SECONDS, run_or_wait, submit
from nephele.services.tags import instances_beneath, iter_instances_tags, shared_tags

INSTANCES_IN_CALL = 1000
"""What is answered within a call, for usual CT 4 s of a processor and 42 MB, ..."""
CHARACTERS_IN_CALL = 64 << 20
SECONDS_IN_CALL = 8.0
"""... unless headers are long: those of enhanced multi-frame images have megabytes."""
AT_ONCE = 500
CHARACTERS_AT_ONCE = 16 << 20
SECONDS_AT_ONCE = 5.0
_PATIENCE_SECONDS = 12.0
"""What is left of a call that has begun in vain."""
_AFTER, _PARTS, _DONE = "after", "parts", "done"


def is_much(request: Request, resource: Resource) -> bool:
    """Tell whether reading all headers takes longer than the platform lets a call take."""
    return ANSWER_LIMIT in request.scope and resource.totals.instances > INSTANCES_IN_CALL


def step_in_call(request: Request, tags: Iterator[tuple[OrthancId, Json]]) -> TagsStep:
    """Return as much of many tags as a call of the platform may answer with."""
    if ANSWER_LIMIT in request.scope:
        return TagsStep(tags, CHARACTERS_IN_CALL, SECONDS_IN_CALL)
    return TagsStep(tags, sys.maxsize, math.inf)


def answer_pieces(pieces: Iterator[str]) -> Response:
    """Answer with a text whole, or as a stream where it is too large to be held."""
    held, characters = [], 0
    for piece in pieces:
        held.append(piece)
        characters += len(piece)
        if characters > CHARACTERS_IN_CALL:
            return StreamingResponse(itertools.chain(held, pieces), media_type=JSON)
    return Response("".join(held), media_type=JSON)


def answer_by_job(
    request: Request,
    archive: Archive,
    resource: Resource,
    tag_format: TagFormat,
    ignore_length: frozenset[int] | None,
    *,
    has_begun: bool = False,
) -> Response:
    """Let a job gather the tags, and wait as long as a call may; else send the client to its end.

    Parameters
    ----------
    ignore_length : frozenset of int or None
        Tags shown however long they are; None for the tags that all instances share.
    has_begun : bool
        The call has tried it, and has less time left.
    """
    asked: dict[str, Any] = {
        "Level": resource.level.value,
        "ID": resource.orthanc_id,
        "Format": tag_format.value,
        "Shared": ignore_length is None,
        "IgnoreLength": sorted(ignore_length or ()),
    }
    job = submit(archive, "InstancesTags", asked)
    seconds = _PATIENCE_SECONDS if has_begun else WAIT_SECONDS
    return answer_awaited(request, archive, run_or_wait(archive, job, seconds))


def run(archive: Archive, piece: Slice) -> bool:
    """Gather the tags of what is left, in ascending order of ids, then write the answer.

    What is deleted meanwhile is left out.
    """
    asked, position = piece.request, piece.position
    resource = require_resource(archive, Level(asked["Level"]), asked["ID"])
    gather = _share if asked["Shared"] else _list
    ids = [one for one in instances_beneath(archive, resource) if one > position.get(_AFTER, "")]
    while ids:
        if not piece.has_time():
            return False
        count = gather(archive, piece, ids[:AT_ONCE])
        done = position.get(_DONE, 0) + count
        position |= {_AFTER: ids[count - 1], _DONE: done}
        ids = ids[count:]
        piece.checkpoint(done / (done + len(ids)))
    write = _write_shared if asked["Shared"] else _write_list
    key = answer_key(piece.job.identifier)
    write(archive, piece, key)
    piece.set_output(key, "tags.json")
    return True


def _step(
    archive: Archive,
    ids: list[OrthancId],
    tag_format: TagFormat,
    lifted: frozenset[int] = frozenset(),
) -> TagsStep:
    tags = iter_instances_tags(archive, ids, tag_format, lifted)
    return TagsStep(tags, CHARACTERS_AT_ONCE, SECONDS_AT_ONCE)


def _count(step: TagsStep, ids: list[OrthancId]) -> int:
    """Return how many of some instances are done."""
    return ids.index(step.last) + 1 if step.is_cut and step.last else len(ids)


def _list(archive: Archive, piece: Slice, ids: list[OrthancId]) -> int:
    """Keep the members of the answer's object for some instances, without its braces."""
    lifted = frozenset(piece.request["IgnoreLength"])
    step = _step(archive, ids, TagFormat(piece.request["Format"]), lifted)
    members = step.styled().removeprefix("{").removesuffix("}").removesuffix("\n")
    if members:
        _keep_part(archive, piece, members.encode(), piece.position.get(_PARTS, []))
    return _count(step, ids)


def _write_list(archive: Archive, piece: Slice, key: str) -> None:
    parts = piece.position.get(_PARTS, [])
    with PartUpload(archive.bucket, key, lambda _: {}) as upload:
        for part in parts:
            upload.write(b"" if part == parts[0] else b",")
            upload.write(archive.bucket.read(_part_key(piece, part)))
        upload.write(b"\n}" if parts else b"}")
        upload.finish(b"{")


def _share(archive: Archive, piece: Slice, ids: list[OrthancId]) -> int:
    """Keep what is shared up to here."""
    before = _read_shared(archive, piece)
    step = _step(archive, ids, TagFormat.FULL)
    shared = shared_tags(step, before)
    _keep_part(archive, piece, orjson.dumps(shared), [])
    return _count(step, ids)


def _read_shared(archive: Archive, piece: Slice) -> dict[str, Any] | None:
    parts = piece.position.get(_PARTS)
    return archive.bucket.read_json(_part_key(piece, parts[0])) if parts else None


def _keep_part(archive: Archive, piece: Slice, content: bytes, before: list[str]) -> None:
    """Keep a part behind others, under a name of its own.

    Steps end by size and time: one that a worker without a lease writes late is another part.
    """
    part = clock.new_uuid()
    archive.bucket.put_whole(_part_key(piece, part), content, {})
    piece.position[_PARTS] = [*before, part]


def _write_shared(archive: Archive, piece: Slice, key: str) -> None:
    shown = in_format(_read_shared(archive, piece) or {}, TagFormat(piece.request["Format"]))
    archive.bucket.put_whole(key, styled(shown).encode(), {})


def _part_key(piece: Slice, part: str) -> str:
    return answer_key(f"{piece.job.identifier}/{part}")
