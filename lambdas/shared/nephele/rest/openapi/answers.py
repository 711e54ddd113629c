"""One row for each route: what it answers when all is well.

In paths `{level}` stands for the collection of any level. Whoever adds a route adds its row here;
a test tells of those that are missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from nephele.domain.levels import Level
from nephele.rest.openapi.schemas import (
    ANYTHING,
    BYTES,
    NOTHING,
    NUMBER,
    OBJECT,
    ORTHANC_IDS,
    SWITCH,
    TEXT,
    TEXTS,
    Schema,
    by_name,
    either,
    listed,
    maybe,
    ref,
    shape,
)

JSON, PLAIN, DICOM, ZIP = "application/json", "text/plain", "application/dicom", "application/zip"
DICOM_JSON, DICOM_XML = "application/dicom+json", "application/dicom+xml"
BINARY = "application/octet-stream"
PNG, JPEG, PAM = "image/png", "image/jpeg", "image/x-portable-arbitrarymap"


@dataclass(frozen=True, slots=True)
class Success:
    """What a 200 carries: a shape under each media type; what else may lead to it.

    Attributes
    ----------
    redirects : tuple of int
        Statuses that send a client elsewhere for it.
    """

    content: tuple[tuple[str, Schema], ...]
    redirects: tuple[int, ...] = ()


def _json(schema: Schema, *redirects: int) -> Success:
    return Success(((JSON, schema),), redirects)


def _text(schema: Schema = TEXT, *redirects: int) -> Success:
    return Success(((PLAIN, schema),), redirects)


def _file(*media_types: str, redirects: tuple[int, ...] = ()) -> Success:
    return Success(tuple((media_type, BYTES) for media_type in media_types), redirects)


def _picture(*media_types: str) -> Success:
    return _file(*media_types, redirects=(301,))


_EMPTY = _text(NOTHING)
_DONE = _json({"type": "object", "maxProperties": 0})
_TAGS = _json(ref("DicomTags"))
_RAW = _file(BINARY, JPEG, "image/jp2", "image/jls", "image/jxl", "video/mpeg", "video/mp4")
_AWAITED = _json(ANYTHING, 303)
_RESOURCE = _json(either(*(ref(level.value) for level in Level)))
_RESOURCES = _json(either(ORTHANC_IDS, listed(OBJECT)), 303)
_ARCHIVE = _file(ZIP, redirects=(307,))
_ARCHIVE_OR_JOB = Success(((ZIP, BYTES), (JSON, ref("JobReference"))), (303,))
_STORED = Success(((JSON, either(ref("Stored"), listed(ref("Stored")))), (PLAIN, NOTHING)), (303,))
_FOUND = either(
    ORTHANC_IDS, listed(OBJECT), shape({"Answers": {"type": "array"}, "Explain": OBJECT})
)
_OPENED = shape({"ID": TEXT, "Path": TEXT, "UploadId": TEXT, "PartSize": NUMBER, "Parts": TEXTS})
_FULL_NAMES = either(TEXTS, by_name(NUMBER))
_ID_AND_PATH = _json(ref("JobReference"))
_LEVEL = "/{level}/{identifier}"
_ATTACHMENT = f"{_LEVEL}/attachments/{{name}}"
_QUERY = "/queries/{identifier}"
_SIGHTS = {
    "preview": (PNG, JPEG, PAM),
    "rendered": (PNG, JPEG, PAM),
    "image-uint8": (PNG, JPEG, PAM),
    "image-uint16": (PNG, PAM),
    "image-int16": (PNG, PAM),
}
_CATEGORIES = ("", "-generic", "-plugins", "-http", "-sqlite", "-dicom", "-jobs", "-lua")

SUCCESSES: dict[str, Success] = {
    "GET /system": _json(ref("System")),
    "GET /statistics": _json(ref("Statistics")),
    "GET /plugins": _json(TEXTS),
    "GET /plugins/explorer.js": _file("application/javascript"),
    "GET /plugins/{identifier}": _json(OBJECT),
    "GET /tools": _json(TEXTS),
    "GET /tools/now": _text(),
    "GET /tools/now-local": _text(),
    "GET /tools/generate-uid": _text(),
    "POST /tools/lookup": _json(listed(ref("Reference"))),
    "GET /tools/dicom-conformance": _text(),
    "GET /tools/metrics-prometheus": _text(),
    "POST /tools/invalidate-tags": _EMPTY,
    "POST /tools/reconstruct": Success(((PLAIN, NOTHING),), (303,)),
    "POST /tools/bulk-delete": Success(((PLAIN, NOTHING),), (303,)),
    "POST /tools/execute-script": _text(),
    "POST /tools/reset": _DONE,
    "POST /tools/shutdown": _DONE,
    "POST /tools/find": _json(_FOUND, 303),
    "POST /tools/count-resources": _json(OBJECT, 303),
    "POST /tools/bulk-content": _json(listed(OBJECT), 303),
    "GET /tools/default-encoding": _text(),
    "PUT /tools/default-encoding": _text(),
    "GET /tools/accepted-transfer-syntaxes": _json(TEXTS),
    "PUT /tools/accepted-transfer-syntaxes": _json(TEXTS),
    "GET /tools/accepted-sop-classes": _json(TEXTS),
    "GET /tools/unknown-sop-class-accepted": _text(SWITCH),
    "PUT /tools/unknown-sop-class-accepted": _EMPTY,
    "GET /tools/metrics": _text(SWITCH),
    "PUT /tools/metrics": _EMPTY,
    **{f"GET /tools/log-level{one}": _text() for one in _CATEGORIES},
    **{f"PUT /tools/log-level{one}": _EMPTY for one in _CATEGORIES},
    "GET /{level}": _RESOURCES,
    f"GET {_LEVEL}": _RESOURCE,
    f"DELETE {_LEVEL}": _json(shape({"RemainingAncestor": maybe(ref("Reference"))}), 303),
    f"GET {_LEVEL}/statistics": _json(
        either(*(ref(f"{level.value}Statistics") for level in Level))
    ),
    f"GET {_LEVEL}/studies": _RESOURCES,
    f"GET {_LEVEL}/series": _json(either(ORTHANC_IDS, listed(OBJECT), ref("Series")), 303),
    f"GET {_LEVEL}/instances": _RESOURCES,
    f"GET {_LEVEL}/patient": _json(ref("Patient")),
    f"GET {_LEVEL}/study": _json(ref("Study")),
    "POST /{level}": _STORED,
    f"GET {_LEVEL}/file": Success(
        ((DICOM, BYTES), (DICOM_JSON, by_name(ref("Attribute"))), (DICOM_XML, TEXT)), (307,)
    ),
    f"GET {_LEVEL}/tags": _TAGS,
    f"GET {_LEVEL}/simplified-tags": _TAGS,
    f"GET {_LEVEL}/header": _TAGS,
    f"GET {_LEVEL}/frames": _json(listed(NUMBER)),
    f"GET {_LEVEL}/frames/{{frame}}": _json(TEXTS),
    "GET /app/images/unsupported.png": _file(PNG),
    **{f"GET {_LEVEL}/{name}": _picture(*types) for name, types in _SIGHTS.items()},
    **{f"GET {_LEVEL}/frames/{{frame}}/{name}": _picture(*t) for name, t in _SIGHTS.items()},
    f"GET {_LEVEL}/frames/{{frame}}/raw": _RAW,
    f"GET {_LEVEL}/frames/{{frame}}/raw.gz": _file("application/gzip"),
    f"GET {_LEVEL}/matlab": _text(),
    f"GET {_LEVEL}/frames/{{frame}}/matlab": _text(),
    f"GET {_LEVEL}/numpy": _file(BINARY),
    f"GET {_LEVEL}/frames/{{frame}}/numpy": _file(BINARY),
    f"GET {_LEVEL}/metadata": _json(either(TEXTS, listed(NUMBER), by_name(TEXT))),
    f"GET {_LEVEL}/metadata/{{name}}": _text(),
    f"PUT {_LEVEL}/metadata/{{name}}": _EMPTY,
    f"DELETE {_LEVEL}/metadata/{{name}}": _EMPTY,
    "GET /tools/labels": _json(TEXTS),
    f"GET {_LEVEL}/labels": _json(TEXTS),
    f"GET {_LEVEL}/labels/{{label}}": _EMPTY,
    f"PUT {_LEVEL}/labels/{{label}}": _EMPTY,
    f"DELETE {_LEVEL}/labels/{{label}}": _EMPTY,
    f"GET {_LEVEL}/attachments": _json(_FULL_NAMES),
    f"GET {_ATTACHMENT}": _json(TEXTS),
    f"PUT {_ATTACHMENT}": _DONE,
    f"DELETE {_ATTACHMENT}": _EMPTY,
    f"GET {_ATTACHMENT}/compressed-data": _file(BINARY, redirects=(307,)),
    f"GET {_ATTACHMENT}/compressed-md5": _text(),
    f"GET {_ATTACHMENT}/compressed-size": _text(),
    f"GET {_ATTACHMENT}/data": _file(DICOM, BINARY, redirects=(307,)),
    f"GET {_ATTACHMENT}/info": _json(ref("Attachment")),
    f"GET {_ATTACHMENT}/is-compressed": _text(SWITCH),
    f"GET {_ATTACHMENT}/md5": _text(),
    f"GET {_ATTACHMENT}/size": _text(),
    f"POST {_ATTACHMENT}/compress": _DONE,
    f"POST {_ATTACHMENT}/uncompress": _DONE,
    f"POST {_ATTACHMENT}/verify-md5": _DONE,
    f"GET {_LEVEL}/protected": _text(SWITCH),
    f"PUT {_LEVEL}/protected": _EMPTY,
    f"GET {_LEVEL}/ordered-slices": _json(ref("OrderedSlices")),
    f"GET {_LEVEL}/module": _TAGS,
    f"GET {_LEVEL}/module-patient": _TAGS,
    f"GET {_LEVEL}/shared-tags": _TAGS,
    f"GET {_LEVEL}/instances-tags": _json(by_name(ref("DicomTags")), 307),
    f"POST {_LEVEL}/reconstruct": Success(((PLAIN, NOTHING),), (303,)),
    f"GET {_LEVEL}/content": _json(TEXTS),
    f"GET {_LEVEL}/content/{{path}}": Success(((JSON, TEXTS), (BINARY, BYTES))),
    f"GET {_LEVEL}/pdf": _file("application/pdf"),
    f"POST {_LEVEL}/export": _EMPTY,
    "POST /uploads": _json(_OPENED),
    "POST /uploads/{identifier}/complete": _json(
        either(ref("Stored"), listed(ref("Stored")), {"type": "object", "maxProperties": 0}), 303
    ),
    "POST /uploads/{identifier}/abort": _DONE,
    "GET /changes": _json(ref("Changes")),
    "DELETE /changes": _EMPTY,
    "GET /jobs": _json(either(TEXTS, listed(ref("Job")))),
    "GET /jobs/{identifier}": _json(ref("Job")),
    "DELETE /jobs/{identifier}": _EMPTY,
    "GET /jobs/{identifier}/wait": _AWAITED,
    "GET /jobs/{identifier}/{key}": _file(ZIP, redirects=(307,)),
    "DELETE /jobs/{identifier}/{key}": _EMPTY,
    **{f"POST /jobs/{{identifier}}/{verb}": _DONE for verb in ("pause", "resume", "cancel")},
    "POST /jobs/{identifier}/resubmit": _DONE,
    "GET /peers": _json(either(TEXTS, by_name(OBJECT))),
    "GET /peers/{name}": _json(TEXTS),
    "PUT /peers/{name}": _EMPTY,
    "DELETE /peers/{name}": _EMPTY,
    "GET /peers/{name}/configuration": _json(OBJECT),
    "GET /peers/{name}/system": _AWAITED,
    "POST /peers/{name}/store-straight": _AWAITED,
    "POST /peers/{name}/store": _AWAITED,
    "GET /modalities": _json(either(TEXTS, by_name(OBJECT))),
    "GET /modalities/{name}": _json(TEXTS),
    "PUT /modalities/{name}": _EMPTY,
    "DELETE /modalities/{name}": _EMPTY,
    "GET /modalities/{name}/configuration": _json(OBJECT),
    "POST /tools/dicom-echo": _AWAITED,
    **{
        f"POST /modalities/{{name}}/{operation}": _AWAITED
        for operation in (
            *("echo", "query", "store", "store-straight", "move", "get", "storage-commitment"),
            *("find", "find-patient", "find-study", "find-series", "find-instance"),
            "find-worklist",
        )
    },
    "GET /queries": _json(TEXTS),
    f"GET {_QUERY}": _json(TEXTS),
    f"DELETE {_QUERY}": _EMPTY,
    f"GET {_QUERY}/level": _text(),
    f"GET {_QUERY}/modality": _text(),
    f"GET {_QUERY}/query": _TAGS,
    f"GET {_QUERY}/answers": _json(either(TEXTS, listed(OBJECT))),
    f"GET {_QUERY}/answers/{{index}}": _json(TEXTS),
    f"GET {_QUERY}/answers/{{index}}/content": _TAGS,
    f"POST {_QUERY}/answers/{{index}}/query-{{collection}}": _AWAITED,
    f"POST {_QUERY}/retrieve": _AWAITED,
    f"POST {_QUERY}/answers/{{index}}/retrieve": _AWAITED,
    "GET /storage-commitment/{identifier}": _json(OBJECT),
    "POST /storage-commitment/{identifier}/remove": _EMPTY,
    "GET /exports": _json(ref("Exports")),
    "DELETE /exports": _EMPTY,
    "GET /worklists": _json(either(TEXTS, listed(OBJECT))),
    "POST /worklists/create": _ID_AND_PATH,
    "GET /worklists/{identifier}": _json(OBJECT),
    "PUT /worklists/{identifier}": _ID_AND_PATH,
    "DELETE /worklists/{identifier}": _DONE,
    "GET /dead-letters": _json(listed(OBJECT)),
    "GET /dead-letters/{identifier}": _json(OBJECT),
    "GET /dead-letters/{identifier}/file": _file(DICOM, BINARY, redirects=(307,)),
    "POST /dead-letters/{identifier}/retry": _json(ANYTHING),
    "GET /versions-aside": _json(listed(OBJECT)),
    "GET /versions-aside/{uuid}/file": _file(DICOM, BINARY, redirects=(307,)),
    "GET /refused-associations": _json(listed(OBJECT)),
    "GET /deleted": _json(listed(OBJECT)),
    "POST /deleted/{identifier}/restore": _AWAITED,
    "GET /blobs/{key}": _file(BINARY, redirects=(307,)),
    f"GET {_LEVEL}/archive": _ARCHIVE,
    f"POST {_LEVEL}/archive": _ARCHIVE_OR_JOB,
    f"GET {_LEVEL}/media": _ARCHIVE,
    f"POST {_LEVEL}/media": _ARCHIVE_OR_JOB,
    "GET /tools/create-archive": _ARCHIVE,
    "POST /tools/create-archive": _ARCHIVE_OR_JOB,
    "GET /tools/create-media": _ARCHIVE,
    "POST /tools/create-media": _ARCHIVE_OR_JOB,
    "GET /tools/create-media-extended": _ARCHIVE,
    "POST /tools/create-media-extended": _ARCHIVE_OR_JOB,
}
"""Verb and path, and what stands in the document for it."""
