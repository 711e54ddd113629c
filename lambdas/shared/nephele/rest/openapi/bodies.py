"""Shapes of bodies, one row for each route whose body is JSON of its own, or a file."""

from __future__ import annotations

from nephele.domain.levels import Level
from nephele.rest.openapi.answers import DICOM, JSON, PLAIN, ZIP
from nephele.rest.openapi.schemas import (
    ANYTHING,
    BYTES,
    FLAG,
    NUMBER,
    OBJECT,
    TEXT,
    TEXTS,
    Schema,
    by_name,
    either,
    listed,
    shape,
)

_LEVEL: Schema = {"type": "string", "enum": [level.value for level in Level]}
_JOB: dict[str, Schema] = {
    "Asynchronous": FLAG,
    "Permissive": FLAG,
    "Priority": NUMBER,
    "Synchronous": FLAG,
    "UserData": ANYTHING,
}
_QUALITY: Schema = {"type": "integer", "minimum": 1, "maximum": 100}
_TIMEOUT: Schema = {"type": "integer", "minimum": 0}
_TO_OTHERS: dict[str, Schema] = {"LocalAet": TEXT, "Timeout": _TIMEOUT}
_FORMATS: dict[str, Schema] = {"Full": FLAG, "Short": FLAG, "Simplify": FLAG}
_ARCHIVE: dict[str, Schema] = {
    **_JOB,
    "Extended": FLAG,
    "Filename": TEXT,
    "LossyQuality": _QUALITY,
    "Transcode": TEXT,
    "Utf8": FLAG,
}
_QUERY = by_name(ANYTHING)
_ARCHIVE_BODY = shape({}, _ARCHIVE)
_BATCH = either(TEXTS, shape({"Resources": TEXTS}, _ARCHIVE))
_MODALITY_FIELDS: dict[str, Schema] = {
    "AET": TEXT,
    "Host": TEXT,
    "Port": {"type": "integer", "minimum": 1, "maximum": 65535},
}
_MODALITY = either(listed(either(TEXT, NUMBER)), shape(_MODALITY_FIELDS, {"Timeout": _TIMEOUT}))
_PEER = either(
    TEXTS, shape({"Url": TEXT}, {"Username": TEXT, "Password": TEXT, "HttpHeaders": by_name(TEXT)})
)
_RETRIEVE = shape(
    {"Level": _LEVEL, "Resources": listed(_QUERY)}, {**_JOB, **_TO_OTHERS, "TargetAet": TEXT}
)
_RETRIEVE_ANSWERS = either(
    TEXT,
    shape({}, {**_JOB, **_TO_OTHERS, **_FORMATS, "TargetAet": TEXT, "RetrieveMethod": TEXT}),
)
_RECONSTRUCT = shape({}, {"LimitToThisLevelMainDicomTags": FLAG, "ReconstructFiles": FLAG})
_TO_PEER = {**_JOB, "Compress": FLAG, "LossyQuality": _QUALITY, "Transcode": TEXT}
_TO_MODALITY = {
    **_JOB,
    **_TO_OTHERS,
    "CalledAet": TEXT,
    "Host": TEXT,
    "MoveOriginatorAet": TEXT,
    "MoveOriginatorID": {"type": "integer", "minimum": 0, "maximum": 65535},
    "Port": NUMBER,
    "StorageCommitment": FLAG,
}

BODIES: dict[str, dict[str, Schema]] = {
    "POST /{level}": {DICOM: BYTES, ZIP: BYTES},
    "POST /{level}/{identifier}/archive": {JSON: _ARCHIVE_BODY},
    "POST /{level}/{identifier}/media": {JSON: _ARCHIVE_BODY},
    "POST /{level}/{identifier}/reconstruct": {JSON: _RECONSTRUCT},
    "POST /tools/reconstruct": {JSON: _RECONSTRUCT},
    "POST /tools/bulk-delete": {JSON: shape({"Resources": listed(either(TEXT, OBJECT))})},
    "POST /tools/lookup": {PLAIN: TEXT},
    "POST /tools/create-archive": {JSON: _BATCH},
    "POST /tools/create-media": {JSON: _BATCH},
    "POST /tools/create-media-extended": {JSON: _BATCH},
    "POST /tools/dicom-echo": {JSON: _MODALITY},
    "PUT /modalities/{name}": {JSON: _MODALITY},
    "PUT /peers/{name}": {JSON: _PEER},
    "POST /peers/{name}/store": {JSON: either(TEXT, TEXTS, shape({"Resources": TEXTS}, _TO_PEER))},
    "POST /peers/{name}/store-straight": {DICOM: BYTES},
    "POST /modalities/{name}/echo": {JSON: shape({}, {"CheckFind": FLAG, "Timeout": _TIMEOUT})},
    "POST /modalities/{name}/query": {
        JSON: shape({"Level": _LEVEL}, {**_TO_OTHERS, "Query": _QUERY, "Normalize": FLAG})
    },
    "POST /modalities/{name}/find": {JSON: _QUERY},
    **{f"POST /modalities/{{name}}/find-{level.value.lower()}": {JSON: _QUERY} for level in Level},
    "POST /modalities/{name}/find-worklist": {
        JSON: either(shape({"Query": _QUERY}, {**_TO_OTHERS, **_FORMATS}), _QUERY)
    },
    "POST /modalities/{name}/store": {
        JSON: either(TEXT, TEXTS, shape({"Resources": TEXTS}, _TO_MODALITY))
    },
    "POST /modalities/{name}/store-straight": {DICOM: BYTES},
    "POST /modalities/{name}/move": {JSON: _RETRIEVE},
    "POST /modalities/{name}/get": {JSON: _RETRIEVE},
    "POST /modalities/{name}/storage-commitment": {
        JSON: shape(
            {}, {**_TO_OTHERS, "Resources": TEXTS, "DicomInstances": listed(either(TEXTS, OBJECT))}
        )
    },
    "POST /queries/{identifier}/answers/{index}/query-{collection}": {
        JSON: shape({}, {**_TO_OTHERS, "Query": _QUERY})
    },
    "POST /queries/{identifier}/retrieve": {JSON: _RETRIEVE_ANSWERS},
    "POST /queries/{identifier}/answers/{index}/retrieve": {JSON: _RETRIEVE_ANSWERS},
    "POST /uploads": {JSON: shape({"Size": {"type": "integer", "minimum": 0}})},
    "POST /uploads/{identifier}/complete": {
        JSON: shape({"UploadId": TEXT, "ETags": TEXTS}, {"Attachment": TEXT})
    },
    "POST /uploads/{identifier}/abort": {JSON: shape({"UploadId": TEXT})},
    "POST /deleted/{identifier}/restore": {JSON: shape({}, _JOB)},
}
"""Verb and path, and the shape under each media type."""
