"""Shapes of what routes take and answer, as JSON schemas under Orthanc's names."""

from __future__ import annotations

from typing import Any

from nephele.domain.levels import ORDER, Level

Schema = dict[str, Any]

ANYTHING: Schema = {}
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
OBJECT: Schema = {"type": "object"}
NOTHING: Schema = {"type": "string", "maxLength": 0}
BYTES: Schema = {"type": "string", "format": "binary"}
SWITCH: Schema = {"type": "string", "enum": ["0", "1"]}
DATE: Schema = {"type": "string", "pattern": r"^\d{8}T\d{6}(\.\d+)?$"}
ORTHANC_ID: Schema = {"type": "string", "pattern": r"^[0-9a-f]{8}(-[0-9a-f]{8}){4}$"}
ORTHANC_IDS: Schema = {"type": "array", "items": ORTHANC_ID}


def ref(name: str) -> Schema:
    """Refer to a schema of `COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(schema: Schema) -> Schema:
    """Return an array of something."""
    return {"type": "array", "items": schema}


def either(*schemas: Schema) -> Schema:
    """Return one of several shapes."""
    return {"anyOf": list(schemas)}


def maybe(schema: Schema) -> Schema:
    """Return a shape, or null."""
    return either(schema, {"type": "null"})


def shape(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """Return an object with members that are always there, and some that may be."""
    return {
        "type": "object",
        "required": sorted(required),
        "properties": {**required, **(optional or {})},
    }


def by_name(schema: Schema) -> Schema:
    """Return an object whose members are named by data."""
    return {"type": "object", "additionalProperties": schema}


_LEVEL: Schema = {"type": "string", "enum": [level.value for level in Level]}
_TAGS = {"type": "object", "description": "Values by keyword, or by number with `short`, `full`"}
_REFERENCE = shape({"ID": ORTHANC_ID, "Path": TEXT, "Type": _LEVEL})
_LINK = shape({"ID": TEXT, "Path": TEXT})

_COMMON = {"ID": ORTHANC_ID, "Type": _LEVEL}
_SHOWN = {
    "AnonymizedFrom": TEXT,
    "Attachments": listed(OBJECT),
    "IsStable": FLAG,
    "Labels": TEXTS,
    "LastUpdate": TEXT,
    "MainDicomTags": _TAGS,
    "Metadata": by_name(TEXT),
    "ModifiedFrom": TEXT,
    "RequestedTags": _TAGS,
}
_OF_LEVEL: dict[Level, dict[str, Schema]] = {
    Level.PATIENT: {"Studies": ORTHANC_IDS, "IsProtected": FLAG},
    Level.STUDY: {
        "ParentPatient": ORTHANC_ID,
        "PatientMainDicomTags": _TAGS,
        "Series": ORTHANC_IDS,
    },
    Level.SERIES: {
        "ParentStudy": ORTHANC_ID,
        "Instances": ORTHANC_IDS,
        "Status": {"type": "string", "enum": ["Complete", "Missing", "Inconsistent", "Unknown"]},
        "ExpectedNumberOfInstances": maybe(NUMBER),
    },
    Level.INSTANCE: {
        "ParentSeries": ORTHANC_ID,
        "FileSize": NUMBER,
        "FileUuid": TEXT,
        "IndexInSeries": maybe(NUMBER),
    },
}
_SIZES = ("DiskSize", "UncompressedSize", "DicomDiskSize", "DicomUncompressedSize")
_TOTALS = ("TotalDiskSize", "TotalUncompressedSize")
_COUNTS = ("CountPatients", "CountStudies", "CountSeries", "CountInstances")


def _sizes(names: tuple[str, ...]) -> dict[str, Schema]:
    return {**dict.fromkeys(names, TEXT), **{f"{name}MB": NUMBER for name in names}}


_STORED = shape(
    {"Status": {"type": "string", "enum": ["Success", "AlreadyStored", "FilteredOut", "Failure"]}},
    {
        "ID": ORTHANC_ID,
        "ParentPatient": ORTHANC_ID,
        "ParentSeries": ORTHANC_ID,
        "ParentStudy": ORTHANC_ID,
        "Path": TEXT,
    },
)
_CHANGE = shape(
    {
        "ChangeType": TEXT,
        "Date": DATE,
        "ID": ORTHANC_ID,
        "Path": TEXT,
        "ResourceType": _LEVEL,
        "Seq": NUMBER,
    }
)
_JOB = shape(
    {
        "ID": TEXT,
        "Type": TEXT,
        "State": TEXT,
        "Priority": NUMBER,
        "Progress": NUMBER,
        "EffectiveRuntime": {"type": "number"},
        "CreationTime": TEXT,
        "Timestamp": TEXT,
        "ErrorCode": NUMBER,
        "ErrorDescription": TEXT,
        "ErrorDetails": TEXT,
        "Content": OBJECT,
    },
    {
        "CompletionTime": TEXT,
        "ErrorPayload": ANYTHING,
        "EstimatedTimeOfArrival": TEXT,
        "UserData": ANYTHING,
    },
)
_ERROR = shape(
    {
        "HttpError": TEXT,
        "HttpStatus": NUMBER,
        "Message": TEXT,
        "Method": TEXT,
        "OrthancError": TEXT,
        "OrthancStatus": NUMBER,
        "Uri": TEXT,
    },
    {"Details": TEXT, "ErrorPayload": ANYTHING},
)
_SLICES = shape(
    {
        "Dicom": TEXTS,
        "Slices": TEXTS,
        "SlicesShort": listed({"type": "array"}),
        "Type": {"type": "string", "enum": ["Volume", "Sequence"]},
    }
)
_SYSTEM = shape(
    {
        "ApiVersion": NUMBER,
        "CheckRevisions": FLAG,
        "DicomAet": TEXT,
        "DicomPort": NUMBER,
        "HttpPort": NUMBER,
        "MainDicomTags": by_name(TEXT),
        "Name": TEXT,
        "UserMetadata": by_name(NUMBER),
        "Version": TEXT,
    }
)
_ATTACHMENT = shape(
    {"Uuid": TEXT, "ContentType": NUMBER, "UncompressedSize": NUMBER, "CompressedSize": NUMBER},
    {"UncompressedMD5": TEXT, "CompressedMD5": TEXT},
)

COMPONENTS: dict[str, Schema] = {
    "Attachment": _ATTACHMENT,
    "Attribute": shape(
        {"vr": TEXT},
        {"Value": {"type": "array"}, "InlineBinary": TEXT, "BulkDataURI": TEXT},
    ),
    "Changes": shape({"Changes": listed(_CHANGE), "Done": FLAG, "Last": NUMBER}, {"First": NUMBER}),
    "DicomTags": {
        "type": "object",
        "description": "Name, type and value by number; values alone with `short` or `simplify`",
    },
    "Error": _ERROR,
    "Exports": shape({"Exports": listed(OBJECT), "Done": FLAG, "Last": NUMBER}),
    "Job": _JOB,
    "JobReference": _LINK,
    "OrderedSlices": _SLICES,
    "Reference": _REFERENCE,
    "Statistics": shape({**_sizes(_TOTALS), **dict.fromkeys(_COUNTS, NUMBER)}),
    "Stored": _STORED,
    "System": _SYSTEM,
    **{level.value: shape(_COMMON, _SHOWN | _OF_LEVEL[level]) for level in ORDER},
    **{
        f"{level.value}Statistics": shape(
            {
                **_sizes(_SIZES),
                **{f"Count{one.collection.capitalize()}": NUMBER for one in ORDER[number + 1 :]},
            }
        )
        for number, level in enumerate(ORDER)
    },
}
"""The document's `components/schemas`."""
