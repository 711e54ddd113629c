"""Both directions between a job and its row.

====  =====================================================================
`jt`  type                      `je`  executor
`js`  state                     `jp`  priority
`jm`  present when permissive   `jh`  present when hidden
`jx`  present when forgotten    `ju`  user data (JSON)
`jc`  created                   `jf`  completed
`jr`  runtime in seconds        `jg`  progress
`jq`  request, and the content as submitted (packed)
`jo`  position (packed)         `jk`  what of the content is otherwise than submitted (packed)
`ec`  class of the error        `ed`  error details
`ep`  error payload (packed)    `ou`  output     `oq`  name of the output
`jn`  turn                      `jw`  what a client wants of a running job
`le`  when the lease ends       `lo`  who has it
`lp`  present when something was saved under the lease
====  =====================================================================
"""

from __future__ import annotations

import zlib
from typing import Any

import orjson

from nephele.aws.index import codec, keys
from nephele.aws.index.table import Row
from nephele.domain.jobs import Document, Executor, Job, JobState

_LARGEST_BYTES = 250_000
"""DynamoDB allows 400 KB a row, and position and content come on top."""
_FLAGS = {"jm": "is_permissive", "jh": "is_hidden", "jx": "is_forgotten"}


def pack(value: object) -> dict[str, bytes]:
    """Encode JSON in few bytes."""
    return {"B": zlib.compress(orjson.dumps(value), 1)}


def unpack(row: Row, name: str) -> Any:
    """Decode packed JSON; an absent one is None."""
    return orjson.loads(zlib.decompress(row[name]["B"])) if name in row else None


def decimal(value: float) -> dict[str, str]:
    """Encode a number with six digits behind its point."""
    return {"N": f"{value:.6f}"}


def _text(row: Row, name: str) -> str:
    return str(row[name]["S"]) if name in row else ""


def is_storable(job: Job) -> bool:
    """Tell whether request and content leave room in a row for what is saved later."""
    return len(pack([job.request, job.content])["B"]) <= _LARGEST_BYTES


def write_job(job: Job) -> Row:
    """Encode a job that nobody works on."""
    flags = {name: {"BOOL": True} for name, field in _FLAGS.items() if getattr(job, field)}
    return {
        **keys.job(job.identifier),
        "jt": codec.text(job.job_type),
        "je": codec.text(job.executor),
        "js": codec.text(job.state),
        "jp": codec.number(job.priority),
        **flags,
        "ju": codec.document(job.user_data),
        "jc": codec.text(job.created),
        "jq": pack([job.request, job.content]),
        "jn": codec.number(job.turn),
    }


def read_job(row: Row) -> Job:
    """Decode a job."""
    request, submitted = unpack(row, "jq")
    return Job(
        identifier=row["pk"]["S"].partition("#")[2],
        job_type=row["jt"]["S"],
        executor=Executor(row["je"]["S"]),
        state=JobState(row["js"]["S"]),
        priority=codec.read_number(row, "jp"),
        **{field: name in row for name, field in _FLAGS.items()},
        user_data=orjson.loads(row["ju"]["S"]),
        created=row["jc"]["S"],
        completed=_text(row, "jf"),
        runtime_seconds=float(row.get("jr", {}).get("N", 0)),
        progress=float(row.get("jg", {}).get("N", 0)),
        request=request,
        position=unpack(row, "jo") or {},
        content=submitted | (unpack(row, "jk") or {}),
        error=_text(row, "ec"),
        error_details=_text(row, "ed"),
        error_payload=unpack(row, "ep"),
        output=_text(row, "ou"),
        output_name=_text(row, "oq"),
        turn=codec.read_number(row, "jn"),
    )


def pack_content(content: Document, submitted: Document) -> dict[str, bytes]:
    """Encode what of a content is otherwise than submitted: long lists of ids mostly are not."""
    absent = object()
    changed = {key: value for key, value in content.items() if submitted.get(key, absent) != value}
    return pack(changed)


def submitted_content(row: Row) -> Document:
    """Return the content a job had when it was submitted."""
    _, content = unpack(row, "jq")
    return dict(content)
