"""The one table of intended differences between Nephele and Orthanc 1.10.1, with reasons.

Nephele speaks the API of Orthanc 1.12.11; most entries are what changed between the two.
"""

from __future__ import annotations

import re

from tests.differential.differ import NO_KEYWORD, Kind
from tests.differential.intended import Intended
from tests.differential.model_differences import MODELS
from tests.differential.picture_differences import PICTURE_REQUESTS, PICTURES

_RESOURCES = "(patients|studies|series|instances)"
_TAGS = r"GET /instances/\{instance\}/tags(\?.*)?"
_BY_NAME = r"GET /instances/\{instance\}/(simplified-tags|tags\?.*simplify)(\?.*)?"
_NAMELESS = rf"\$\.(.*\.)?{re.escape(NO_KEYWORD)}.*"
_PRIVATE = r"\$\.(.*\.)?[0-9a-f]{3}[13579bdf],[0-9a-f]{4}"


_REFUSED_LOGIN = "(no login|wrong password|unknown user|a login that).*"
_ERRORS = (
    Intended(
        "(GET|POST|PUT|DELETE) .*",
        r"header\.content-type",
        Kind.EXTRA,
        "error descriptions and empty answers have a type since 1.12",
        nephele="'text/plain'",
    ),
    Intended(r"POST .*", r"\$\.Details", Kind.CHANGED, "details are in each server's own words"),
    Intended(r"POST .*", r"\$\.Details", Kind.EXTRA, "errors 1.10.1 says no more about"),
    Intended(
        ".*",
        r"\$\.Details",
        Kind.EXTRA,
        "1.10.1 says no more about unknown paths",
        nephele="'Nephele does not serve this path'",
    ),
    Intended(
        ".*",
        "text",
        Kind.CHANGED,
        "the body of a 401 is API Gateway's",
        subject=_REFUSED_LOGIN,
        nephele=".*Unauthorized.*",
    ),
    Intended(
        ".*",
        r"header\.content-type",
        Kind.EXTRA,
        "the body of a 401 is API Gateway's",
        subject=_REFUSED_LOGIN,
        nephele="'application/json'",
    ),
)

_SYSTEM = (
    *(
        Intended(r"GET /+system.*", rf"\$\.{name}", Kind.EXTRA, "a member since 1.12")
        for name in (
            "Capabilities DatabaseServerIdentifier DicomDefaultRetrieveMethod HasLabels"
            " IngestTranscoding MainDicomTags MaximumPatientCount MaximumStorageMode"
            " MaximumStorageSize OverwriteInstances PatientLevelEnabled ReadOnly"
            " StorageCompression UserMetadata"
        ).split()
    ),
    Intended(r"GET /+system.*", r"\$\.NepheleVersion", Kind.EXTRA, "Nephele's own version"),
    Intended(r"GET /+system.*", r"\$\.(Api)?Version", Kind.CHANGED, "the API of 1.12.11 is spoken"),
    Intended(r"GET /+system.*", r"\$\.PluginsEnabled", Kind.CHANGED, "there are no plugins"),
)

_CHANGES = (
    Intended(r"GET /changes.*", r"\$\.First", Kind.EXTRA, "a member since 1.12"),
    Intended(
        r"GET /changes\?limit=0",
        r"\$\.(Changes\.length|Done)",
        Kind.CHANGED,
        "limit=0 is no limit everywhere, as in lists",
    ),
)

_LISTS = (
    Intended(
        rf"GET /+{_RESOURCES}.*",
        r"\$(\[\])?(\.(Studies|Series|Instances))?",
        Kind.ORDER,
        "ascending by id since 1.12; 1.10.1 had the order of creation",
    ),
    Intended(
        rf"GET /{_RESOURCES}\?expand=maybe",
        "status",
        Kind.CHANGED,
        "the value of a flag is checked since 1.12",
    ),
    Intended(
        rf"GET /{_RESOURCES}.*\?expand=(0|false)",
        r"\$\[\]",
        Kind.CHANGED,
        "the value of a flag counts since 1.12",
    ),
    Intended(rf"GET /+{_RESOURCES}.*", r"\$(\[\])?\.Labels", Kind.EXTRA, "labels came with 1.12"),
    Intended(
        rf"GET /+{_RESOURCES}.*", r"\$(\[\])?\.IsProtected", Kind.EXTRA, "a member since 1.12"
    ),
    Intended(
        r"GET .*\?requestedTags=.*", r"\$\.RequestedTags", Kind.EXTRA, "an argument since 1.11"
    ),
    *(
        Intended(
            r"GET /.*",
            rf"\$(\[\])?\.MainDicomTags\.{name}",
            Kind.EXTRA,
            "a main DICOM tag since 1.12.5",
        )
        for name in (
            "TimezoneOffsetFromUTC",
            "PerformedProcedureStepStartDate",
            "PerformedProcedureStepStartTime",
        )
    ),
)

_INSTANCES = (
    Intended(
        r"GET /instances/\{instance\}/file",
        r"header\.content-disposition",
        Kind.CHANGED,
        "the id since 1.12; 1.10.1 showed the name of its own file",
        nephele=r"'filename=\"[0-9a-f]{8}(-[0-9a-f]{8}){4}\.dcm\"'",
    ),
    Intended(
        r"GET /instances/\{instance\}/file\?filename=.*",
        r"header\.content-disposition",
        Kind.CHANGED,
        "an argument since 1.12",
    ),
    Intended(
        r"GET /instances/\{series\}/(header|preview)",
        "status",
        Kind.CHANGED,
        "1.10.1 looks for a file before it looks at the level",
    ),
    Intended(
        _TAGS,
        rf"{_PRIVATE}.*\.Name",
        Kind.CHANGED,
        "names of private elements are those of pydicom's dictionary, which knows more",
    ),
    Intended(
        _TAGS,
        rf"{_PRIVATE}\.PrivateCreator",
        Kind.EXTRA,
        "1.10.1 forgets creators of sequences, and those whose VR is UN",
    ),
    *(
        Intended(
            _BY_NAME,
            _NAMELESS,
            kind,
            "names of private elements are those of pydicom's dictionary, which knows more",
        )
        for kind in (Kind.EXTRA, Kind.MISSING, Kind.CHANGED)
    ),
    *(
        Intended(_BY_NAME, path, kind, "a name of private elements in one dictionary alone")
        for path, kind in {
            r"\$\.(Status|TemporalResolution|ZoomFactor)": Kind.EXTRA,
            r"\$\.TableSpeed": Kind.MISSING,
        }.items()
    ),
    Intended(
        r"GET /.*",
        r"\$.*",
        Kind.CHANGED,
        "since 1.12 a backslash of ISO_IR 13 separates values",
        subject="J2K_pixelrep_mismatch.dcm|text Japanese by escapes, half-width first"
        "|charset_files/chrH32.dcm",
    ),
    Intended(
        r"GET /.*",
        r"\$\.(.*\.)?(PatientName|OtherPatientNames|AdditionalPatientHistory|0010,....\.Value)",
        Kind.CHANGED,
        "code extensions are read (PS3.3 C.12.1.1.2) whichever set is the first",
        subject="charset_files/chrJapMultiExplicitIR6.dcm",
    ),
    Intended(
        _TAGS,
        rf"{_PRIVATE}\.(Type|Value)",
        Kind.CHANGED,
        "values of VR UN are texts where pydicom's dictionary says so, which knows more",
        subject="charset_files/chr(JapMulti|JapMultiExplicitIR6|KoreanMulti).dcm",
    ),
    Intended(
        _TAGS,
        r"\$\.0072,0067\.(Type|Value)",
        Kind.CHANGED,
        "OF is shown since 1.12",
        subject="binary numbers",
    ),
    Intended(
        _BY_NAME, r"\$\.SelectorOFValue", Kind.CHANGED, "OF is shown since 1.12", "binary numbers"
    ),
)

_UNKNOWN_VR = "(rtdose_rle|rtdose_rle_1frame).dcm|bytes of VR UN"
_PADDING = (
    Intended(
        ".*",
        r"\$.*",
        Kind.CHANGED,
        "padding never counts (PS3.5 6.2), so that a patient is the same whether the VR of"
        " PatientID is LO or UN; 1.10.1 keeps it when the VR is UN",
        subject=_UNKNOWN_VR,
    ),
)

_SENT = (
    Intended(
        r"GET /instances/\{instance\}/header",
        r"\$\.0002,00(00|12|13|16)(\.Value)?",
        Kind.CHANGED,
        "each server names itself in the meta information of what comes over DICOM",
        subject="sent .*",
    ),
    Intended(
        r"GET /instances/\{instance\}",
        r"\$\.FileSize",
        Kind.CHANGED,
        "the meta information is as long as the server's name",
        subject="(sent|what storescu sent) .*",
    ),
)

_OF_RECEPTION = (
    Intended(
        rf"GET /{_RESOURCES}/\{{\w+\}}",
        r"\$\.MainDicomTags\.RequestAttributesSequence",
        Kind.EXTRA,
        "a main DICOM tag since 1.12.5",
    ),
    Intended(
        rf"GET /{_RESOURCES}/\{{\w+\}}/metadata\?expand",
        r"\$\.MainDicomSequences",
        Kind.EXTRA,
        "a metadata since 1.11",
    ),
    Intended(
        r"GET /instances/\{instance\}/metadata\?expand",
        r"\$\.(TransferSyntax|PixelDataOffset)",
        Kind.EXTRA,
        "1.10.1 does not say what it does not know",
        subject="an unknown transfer syntax",
    ),
    Intended(
        rf"GET /{_RESOURCES}/\{{\w+\}}/metadata\?expand",
        r"\$\.MainDicomTagsSignature",
        Kind.EXTRA,
        "signatures of main tags came with 1.11",
    ),
    Intended(
        r"GET /instances/\{instance\}/metadata\?expand",
        r"\$\.PixelDataVR",
        Kind.EXTRA,
        "a metadata since 1.12",
    ),
    Intended(
        r"GET /instances/\{instance\}/metadata\?expand",
        r"\$\.PixelDataOffset",
        Kind.CHANGED,
        "the meta information is as long as the server's name",
        subject="sent .*",
    ),
)

_UPLOADS = (
    Intended(
        "POST /instances",
        "status",
        Kind.CHANGED,
        "a file needs its preamble since 1.12",
        subject="ExplVR_(Big|Lit)EndNoMeta.dcm|rtstruct.dcm|no preamble|a data set alone",
    ),
    Intended(
        "POST /instances",
        "status",
        Kind.CHANGED,
        "the sender's mistake, not an internal error",
        subject="gzip in name only",
    ),
    Intended(
        "POST /instances",
        "status",
        Kind.CHANGED,
        "refused for its damage, not for being a DICOMDIR",
        subject="dicomdirtests/DICOMDIR-nooffset",
    ),
    Intended(
        ".*",
        "answer",
        Kind.MISSING,
        "what only 1.10.1 has stored",
        subject="ExplVR_(Big|Lit)EndNoMeta.dcm|rtstruct.dcm|no preamble|a data set alone",
    ),
)

_TOOLS = (
    Intended(
        r"GET /instances/\{instance\}/tags\?ignore-length=(0020,4000|NoSuchTag)",
        "status",
        Kind.CHANGED,
        "a name that is no tag is the sender's mistake, not an internal error",
    ),
    Intended("GET /tools", r"\$(\[\]|\.length)", Kind.CHANGED, "only what is served is listed"),
    Intended(
        "POST /tools/lookup",
        r"\$",
        Kind.ORDER,
        "ascending by id; 1.10.1 had the order of its database",
    ),
    Intended(
        "POST /tools/lookup",
        "status",
        Kind.CHANGED,
        "a value is no pattern: since 1.12 it may have any character",
        subject="look up a wildcard",
    ),
    Intended(
        "POST /tools/lookup",
        r"\$\.length",
        Kind.CHANGED,
        "the Orthanc Book promises accession numbers",
        subject="look up an accession number",
    ),
    Intended(
        "POST /tools/lookup",
        r"\$\.length",
        Kind.CHANGED,
        "since 1.12 a value that is not in normal form is compared as it is",
        subject="look up a PatientID between blanks",
    ),
    Intended(
        r"GET /system\?_method=",
        "status",
        Kind.CHANGED,
        "any other method than PUT and DELETE is refused, one without a name too",
    ),
)

_FOUND = "POST /tools/(find|bulk-content)"
_SEARCHES = (
    Intended(
        _FOUND,
        r"\$(\[\])?(\.(Studies|Series|Instances))?",
        Kind.ORDER,
        "ascending by id since 1.12; 1.10.1 had the order of its database",
    ),
    Intended(_FOUND, r"\$\[\]\.Labels", Kind.EXTRA, "labels came with 1.12"),
    Intended(_FOUND, r"\$\[\]\.IsProtected", Kind.EXTRA, "a member since 1.12"),
    Intended("POST /tools/find", r"\$\[\]\.RequestedTags", Kind.EXTRA, "a field since 1.11"),
    Intended(
        "POST /tools/find",
        r"\$\.length",
        Kind.CHANGED,
        "which instance of a patient is looked at is each server's choice",
        subject=r'search Patient \{"PatientComments": "\*"\}',
    ),
    Intended(
        "POST /tools/find",
        "status",
        Kind.CHANGED,
        "the sender's mistake, not an internal error",
        subject="search (with a flag that is text|for a tag there is not"
        "|with a query that is (a list|text))",
    ),
)

_TAGGING = (
    Intended(
        r"GET /.*/(module\?ignore-length=|content/)NoSuchTag",
        "status",
        Kind.CHANGED,
        "a name that is no tag is the sender's mistake, not an internal error",
    ),
    Intended(
        r"PUT /instances/\{instance\}/content/PatientName",
        "status",
        Kind.CHANGED,
        "a path that is served with other verbs",
    ),
)

_OPTIONS = (
    Intended("PUT /tools/.*", r"\$\.Details", Kind.EXTRA, "errors 1.10.1 says no more about"),
    Intended(
        "PUT /tools/log-level.*",
        r"\$\.Details",
        Kind.CHANGED,
        "what a client sent is not sent back",
    ),
    Intended(
        "(GET|PUT) /tools/accepted-transfer-syntaxes",
        r"\$\.length",
        Kind.CHANGED,
        "JPEG XL and HTJ2K are known since 1.12",
    ),
    Intended(
        "PUT /tools/accepted-transfer-syntaxes",
        "status",
        Kind.CHANGED,
        "plain text is accepted as the document has it",
        subject=r"accept 1\.2\.840\.10008\.1\.2\.5",
    ),
    Intended(
        "PUT /tools/accepted-transfer-syntaxes",
        "status",
        Kind.CHANGED,
        "an empty body is a mistake; 1.10.1 accepts nothing from then on",
        subject="accept an empty body",
    ),
    Intended(
        "GET /tools/dicom-conformance", "text", Kind.CHANGED, "each server states its own services"
    ),
    Intended("GET /plugins", r"\$\.length", Kind.CHANGED, "there are no plugins"),
    Intended("GET /plugins/explorer.js", "text", Kind.CHANGED, "a comment in each server's words"),
)

_METADATA = rf"GET /{_RESOURCES}/\{{\w+\}}/metadata(\?.*)?"
_ONE_METADATA = rf"(GET|PUT|DELETE) /{_RESOURCES}/\{{\w+\}}/metadata/.*"
_ATTACHMENT = rf"(GET|PUT|DELETE) /{_RESOURCES}/\{{\w+\}}/attachments/.*"
_KEEPING = (
    Intended(
        _METADATA,
        r"\$(\[\]|\.length|\.MainDicomTagsSignature)",
        kind,
        "signatures of main tags came with 1.11",
    )
    for kind in (Kind.CHANGED, Kind.EXTRA)
)
_KEPT = (
    *_KEEPING,
    Intended(
        _ONE_METADATA,
        r"header\.etag",
        Kind.CHANGED,
        "the time of an upload differs, hence its digest",
        subject="(get the metadata LastUpdate|(LastUpdate|ReceptionDate) of .*)",
    ),
    Intended(
        rf"{_ONE_METADATA}|{_ATTACHMENT}",
        r"header\.etag",
        Kind.CHANGED,
        "revisions are counted; the database of 1.10.1 says 0",
        subject="what is not known|.* of an empty attachment",
    ),
    Intended(
        _ONE_METADATA,
        "status",
        Kind.CHANGED,
        "revisions are counted: a client that knows the first one does not know the second",
        subject="what is known",
    ),
    Intended(
        _ONE_METADATA,
        r"header\.etag",
        Kind.MISSING,
        "an error has no revision",
        subject="a digest alone|get metadata of a .* of no revision",
    ),
    Intended(
        rf"{_ONE_METADATA}|{_ATTACHMENT}",
        r"\$\.Details",
        Kind.CHANGED,
        "what a client sent is not sent back",
        subject="(an attachment, )?no revision|a digest alone|.* of no revision",
    ),
    Intended(_ATTACHMENT, r"\$\.length", Kind.CHANGED, "1.10.1 lists an operation it has not"),
    Intended(
        r"GET /changes\?last",
        r"\$\.(Last|Changes\[\]\.Seq)",
        Kind.CHANGED,
        "files that one of them refused were logged by the other before",
        subject="(changes after (metadata|attachments) of|the change of a) .*",
    ),
    Intended(
        "POST /tools/(find|bulk-content)",
        r"\$\[\]\.Metadata\.MainDicomTagsSignature",
        Kind.EXTRA,
        "signatures of main tags came with 1.11",
    ),
)

INTENDED: tuple[Intended, ...] = (
    *_KEPT,
    *_SEARCHES,
    *_ERRORS,
    *_SYSTEM,
    *_CHANGES,
    *_LISTS,
    *_INSTANCES,
    *MODELS,
    *_PADDING,
    *PICTURES,
    *PICTURE_REQUESTS,
    *_SENT,
    *_OF_RECEPTION,
    *_UPLOADS,
    *_TOOLS,
    *_TAGGING,
    *_OPTIONS,
)
