"""Writes docs/configuration.md from the settings, so that the page cannot differ from them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nephele.settings.configuration import Configuration
from nephele.settings.options import NOT_YET, PLUGIN_SECTIONS, WITHOUT_MEANING

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

MEANINGS: dict[str, str] = {
    "Name": "Name of the server in `/system`.",
    "HttpPort": "Port of the REST API on the local stack, 1 to 65535; in the cloud it is HTTPS's.",
    "HttpDescribeErrors": "Errors over REST have Orthanc's JSON body.",
    "RemoteAccessAllowed": (
        "Off: the deployed REST API refuses every call (the local stack listens on 127.0.0.1"
        " alone)."
    ),
    "AuthenticationEnabled": "REST asks for a login; absent, it equals `RemoteAccessAllowed`.",
    "RegisteredUsers": (
        "Names and passwords for REST. They never enter a template: `nephele secrets push` hashes"
        " them into Secrets Manager."
    ),
    "MaximumFileSizeInArchiveMB": (
        "Largest file inside a ZIP or gzip upload, after decompression; 0 is no limit. What"
        " expands more than 250 times above 64 MB is refused as well."
    ),
    "DicomServerEnabled": "The edge serves DICOM.",
    "DicomAet": "AE title of the edge: 1 to 16 ASCII characters, no backslash.",
    "DicomPort": "Port of the edge, 1 to 65535, beside 104, 11112 and 2762 in the cloud.",
    "DicomCheckCalledAet": "Associations must call `DicomAet`.",
    "DicomCheckModalityHost": "The caller's address must be its modality's `Host`.",
    "StrictAetComparison": "AE titles are compared with regard to case.",
    "DicomModalities": (
        "Known modalities, in the short or the long form; `Port` is 1 to 65535, `Manufacturer` one"
        " of Orthanc's."
    ),
    "DicomAlwaysAllowEcho": "Unknown modalities may C-ECHO.",
    "DicomAlwaysAllowStore": "Unknown modalities may C-STORE.",
    "DicomAlwaysAllowFind": "Unknown modalities may C-FIND.",
    "DicomAlwaysAllowFindWorklist": "Unknown modalities may query worklists.",
    "DicomAlwaysAllowGet": "Unknown modalities may C-GET.",
    "DicomAlwaysAllowMove": "Unknown modalities may C-MOVE.",
    "DicomScpTimeout": "Seconds after which a silent association is closed; 0 is never.",
    "MaximumPduLength": "Largest PDU the edge takes, in bytes.",
    "AcceptedTransferSyntaxes": "Transfer syntaxes the edge accepts, with `*` and `?`.",
    "DeflatedTransferSyntaxAccepted": "Older switch: Deflated Explicit VR Little Endian.",
    "JpegTransferSyntaxAccepted": "Older switch: JPEG.",
    "Jpeg2000TransferSyntaxAccepted": "Older switch: JPEG 2000.",
    "JpegLosslessTransferSyntaxAccepted": "Older switch: JPEG-LS.",
    "JpipTransferSyntaxAccepted": "Older switch: JPIP.",
    "Mpeg2TransferSyntaxAccepted": "Older switch: MPEG-2.",
    "Mpeg4TransferSyntaxAccepted": "Older switch: MPEG-4.",
    "H265TransferSyntaxAccepted": "Older switch: H.265.",
    "RleTransferSyntaxAccepted": "Older switch: RLE.",
    "UnknownSopClassAccepted": "The edge stores SOP classes that are no known storage class.",
    "AcceptedSopClasses": "Storage classes the edge accepts; empty is all it knows.",
    "RejectedSopClasses": "Storage classes the edge refuses.",
    "RejectSopClasses": "The same, under its older name.",
    "MetricsEnabled": "`/tools/metrics-prometheus` tells its figures.",
    "LogExportedResources": "What is sent to modalities and peers is listed in `/exports`.",
    "LimitFindResults": "Most patients, studies or series of one search; 0 is no limit.",
    "LimitFindInstances": "Most instances of one search; 0 is no limit.",
    "DefaultEncoding": "Character set of files that name none, under Orthanc's name for it.",
    "LoadPrivateDictionary": "Private elements of well-known vendors have names and types.",
    "Dictionary": (
        "Elements that no data dictionary has, by tag: VR, name, least and largest multiplicity,"
        " and the private creator of private ones. An entry wins over PS3.6."
    ),
    "DefaultPrivateCreator": "Private creator of private elements that name none.",
    "ExtraMainDicomTags": (
        "More main DICOM tags for `Patient`, `Study`, `Series` and `Instance`; no sequences. What"
        " is stored already gets them by `POST /{level}/{id}/reconstruct`."
    ),
    "StableAge": "Seconds without anything new until a resource is stable.",
    "OverwriteInstances": (
        "An instance received again takes the place of the former one; off, the first is kept, and"
        " other contents are listed in `/versions-aside`."
    ),
    "IngestTranscoding": (
        "UID of the transfer syntax to which instances are transcoded when they arrive: one of"
        " those that `docs/conformance.md` lists as written."
    ),
    "IngestTranscodingOfUncompressed": "Uncompressed instances are transcoded too.",
    "IngestTranscodingOfCompressed": "Compressed instances are transcoded too.",
    "DicomLossyTranscodingQuality": (
        "Quality of lossy transcoding, 1 to 100; `docs/conformance.md` says what each syntax makes"
        " of it."
    ),
    "BuiltinDecoderTranscoderOrder": (
        "`Before` takes imagecodecs first and pylibjpeg where that fails, `After` the other way"
        " round, `Disabled` pylibjpeg alone; for JPEG 2000 and RLE, the syntaxes that both know."
        " Orthanc's default is `After`; here that would be the slower one."
    ),
}
"""What each honoured option does, in a sentence."""

_INTRODUCTION = """# Configuration

Nephele reads Orthanc's own configuration file: JSON with `//` and `/* */` comments. The same file
serves `cdk deploy -c config=orthanc.json` and `nephele up --config orthanc.json`. An option that
no Orthanc knows, or a value an option cannot have, is an error that names the option.

This page is written by `python scripts/configuration_page.py` from `nephele.settings`.
"""


def render() -> str:
    """Return the page."""
    return "\n".join(
        [
            _INTRODUCTION,
            "## Honoured\n",
            "| Option | Default | What it does |",
            "|---|---|---|",
            *_honoured(),
            "",
            "## Accepted, not honoured yet\n",
            "Named once at start; they have no effect so far.\n",
            _names(NOT_YET),
            "",
            "## Accepted, without a meaning in the cloud\n",
            "Threads, caches, folders, certificates of a machine that is not there, and Lua.\n",
            _names(WITHOUT_MEANING),
            "",
            "## Sections of plugins\n",
            "Accepted; they have no effect so far.\n",
            _names(PLUGIN_SECTIONS),
            "",
        ]
    )


def _honoured() -> list[str]:
    fields = Configuration.model_fields
    aliases = {field.alias or name: field for name, field in fields.items()}
    return [
        f"| `{alias}` | {_default(field.get_default(call_default_factory=True))} "
        f"| {MEANINGS[alias]} |"
        for alias, field in aliases.items()
        if alias != "not_honoured"
    ]


def _default(value: object) -> str:
    if value is None:
        return "unset"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


def _names(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) + "."


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    sys.exit(0 if PAGE.write_text(render(), encoding="utf-8") else 1)
