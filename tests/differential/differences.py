"""The one table of intended differences between Nephele and Orthanc 1.10.1, with reasons.

Nephele speaks the API of Orthanc 1.12.11; most entries are what changed between the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from tests.differential.differ import NO_KEYWORD, Difference, Kind

_RESOURCES = "(patients|studies|series|instances)"
_TAGS = r"GET /instances/\{instance\}/tags(\?.*)?"
_BY_NAME = r"GET /instances/\{instance\}/(simplified-tags|tags\?.*simplify)(\?.*)?"
_PREVIEW = r"GET /instances/\{instance\}/preview"
_NAMELESS = rf"\$\.(.*\.)?{re.escape(NO_KEYWORD)}.*"
_PRIVATE = r"\$\.(.*\.)?[0-9a-f]{3}[13579bdf],[0-9a-f]{4}"


@dataclass(frozen=True)
class Intended:
    """A difference that is meant; patterns are regular expressions that match the whole text.

    Attributes
    ----------
    route : str
        Method and path template.
    path : str
        Where in the answer: see `Difference.path`.
    subject : str
        Which requests or files.
    nephele : str
        What Nephele has there, as Python writes it.
    """

    route: str
    path: str
    kind: Kind
    reason: str
    subject: str = ".*"
    nephele: str = ".*"

    def covers(self, difference: Difference) -> bool:
        """Tell whether a difference is this one."""
        told = (difference.route, difference.path, difference.subject, difference.nephele)
        return self.kind is difference.kind and all(
            pattern.fullmatch(text) for pattern, text in zip(self._patterns, told, strict=True)
        )

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        texts = (self.route, self.path, self.subject, self.nephele)
        return tuple(re.compile(text, re.DOTALL) for text in texts)


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
    Intended(
        "(POST|PUT) /changes",
        r"header\.allow",
        Kind.CHANGED,
        "the log is numbered without gaps and kept: it cannot be emptied",
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
        subject="J2K_pixelrep_mismatch.dcm|text Japanese by escapes, half-width first",
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

_PREVIEWS = (
    Intended(
        _PREVIEW,
        r"pixels\.by-many",
        Kind.CHANGED,
        "the sign bit is the highest stored one (PS3.5 8.1.1), 1.10.1 takes the highest allocated",
        subject="J2K_pixelrep_mismatch.dcm|image of 12 bits signed",
    ),
    *(
        Intended(_PREVIEW, "status", Kind.CHANGED, reason, subject=subject)
        for subject, reason in {
            "GDCMJ2K_TextGBR.dcm|examples_jpeg2k.dcm": "JPEG 2000 that GDCM does not decode",
            "SC_rgb_rle_16bit(_2frame)?.dcm|image of RGB of 16 bits": "colours of 16 bits",
            "SC_ybr_full_422_uncompressed.dcm|image of YBR_FULL": "YBR that is not compressed",
            "image of 8 bits signed": "signed samples of 8 bits",
            "image of 1 bit": "samples of 1 bit",
            "image of palette into 16 bits": "a palette of samples of 16 bits",
            "image of frames that are missing": "the first frame is there, others are not",
        }.items()
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

INTENDED: tuple[Intended, ...] = (
    *_SEARCHES,
    *_ERRORS,
    *_SYSTEM,
    *_CHANGES,
    *_LISTS,
    *_INSTANCES,
    *_PADDING,
    *_PREVIEWS,
    *_SENT,
    *_UPLOADS,
    *_TOOLS,
)
