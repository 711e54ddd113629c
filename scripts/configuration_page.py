"""Writes docs/configuration.md from the settings, so that the page cannot differ from them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from nephele.settings.configuration import Configuration
from nephele.settings.options import NOT_YET, PLUGIN_SECTIONS, WITHOUT_MEANING

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"

MEANINGS: dict[str, str] = {
    "Name": "Name of the server in `/system`.",
    "HttpPort": "Port of the REST API on the local stack, 1 to 65535; in the cloud it is HTTPS's.",
    "SslEnabled": (
        "The edge serves the REST API itself, over HTTPS, with the logins of `RegisteredUsers`:"
        " for the hospital's network, without API Gateway's limits of size."
    ),
    "SslCertificate": (
        "PEM file of its certificate and its private key, one behind the other;"
        " `nephele secrets push --peers-secret-id` brings it to Secrets Manager."
    ),
    "SslMinimumProtocolVersion": (
        "4 for TLS 1.2, 5 for TLS 1.3; older ones as far as OpenSSL still has them."
    ),
    "SslCiphersAccepted": "OpenSSL's names of its ciphers; empty leaves them to OpenSSL.",
    "EdgeHttpsPort": "Nephele's own: port of that HTTPS, 1 to 65535.",
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
    "DicomScuTimeout": (
        "Seconds a peer may take to accept a connection, and for each PDU; 0 is for ever."
    ),
    "DicomScuPreferredTransferSyntax": (
        "What an instance becomes first, when a peer does not take it as it is."
    ),
    "TranscodeDicomProtocol": "Instances may be transcoded for C-STORE, C-MOVE and C-GET.",
    "DicomEchoChecksFind": "An echo over REST sends a C-FIND too.",
    "DicomDefaultRetrieveMethod": "How answers of `/queries` are retrieved: `C-MOVE` or `C-GET`.",
    "DicomModalitiesInDatabase": (
        "Without effect: modalities changed over REST are always kept in the table."
    ),
    "QueryRetrieveSize": "Queries that are kept below `/queries`.",
    "StorageCommitmentReportsSize": "Reports that are kept below `/storage-commitment`.",
    "DicomTlsEnabled": "The DICOM port speaks TLS, and nothing else.",
    "DicomTlsCertificate": (
        "PEM file of the edge's certificate; `nephele secrets push` brings it to Secrets Manager."
    ),
    "DicomTlsPrivateKey": "PEM file of its key, pushed likewise.",
    "DicomTlsTrustedCertificates": (
        "PEM file of the certificates that are trusted, pushed likewise."
    ),
    "DicomTlsRemoteCertificateRequired": (
        "The other side has to show a certificate that is trusted, in both directions."
    ),
    "DicomTlsMinimumProtocolVersion": (
        "0 for BCP 195 (TLS 1.2 and its ciphers); 1 to 5 for SSL 3, TLS 1.0, 1.1, 1.2, 1.3 with"
        " `DicomTlsCiphersAccepted`."
    ),
    "DicomTlsCiphersAccepted": "OpenSSL's names of ciphers, where the minimum version is not 0.",
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
    "OrthancPeers": (
        "Other Orthancs that instances are sent to, in the short or the long form. A `Url` with a"
        " user or a password is refused: `Username` and `Password` take them. Passwords,"
        " headers and certificates never enter a template: `nephele secrets push"
        " --peers-secret-id` puts them into Secrets Manager."
    ),
    "OrthancPeersInDatabase": "Peers changed over REST are always kept in the table.",
    "EdgePeers": (
        "Nephele's own: names of peers, with `*` and `?`, that the edge talks to, since they are in"
        " the hospital's network."
    ),
    "PeersAllowedAddresses": (
        "Nephele's own: ranges of addresses that peers may have although they are loopback or"
        " link-local, `127.0.0.0/8` for instance; such addresses are refused by default."
    ),
    "HttpTimeout": "Seconds a peer may take to answer, unless it has a `Timeout`; 0 is no limit.",
    "HttpProxy": "`host:port` of a proxy that leads to peers, or its URL.",
    "HttpsVerifyPeers": "Certificates of peers are verified.",
    "HttpsCACertificates": (
        "File of the authorities that peers' certificates are verified by; the system's by default."
    ),
    "ConcurrentJobs": (
        "Slices of jobs that functions run at once, at least 2; 0 is 10. Orthanc's default is 2,"
        " for the cores of one machine. The edge has workers of its own."
    ),
    "JobsHistorySize": "Completed jobs that stay listed, for 28 days at most.",
    "ZipUseUtf8": "Names in archives keep what is not ASCII, unless a request says otherwise.",
    "MetricsEnabled": "`/tools/metrics-prometheus` tells its figures.",
    "AutoForward": (
        "Nephele's own: rules by which instances go on as soon as they are indexed. Each has"
        " `ToModality` or `ToPeer`, and may have wildcards in `RemoteAET`, `Modality`,"
        " `SOPClassUID` and `Tags`, and a transfer syntax in `Transcode`. Nothing goes back to"
        " where it came from; what cannot be delivered is tried again for seven days."
    ),
    "LogExportedResources": (
        "What REST sends to modalities and peers is listed in `/exports`; as in Orthanc, not what "
        "C-MOVE sends."
    ),
    "LimitFindResults": "Most patients, studies or series of one search; 0 is no limit.",
    "LimitFindInstances": "Most instances of one search; 0 is no limit.",
    "CaseSensitivePN": "C-FIND tells upper from lower case in person names, as in other texts.",
    "MaximumStorageCacheSize": (
        "MB of objects read of late that each worker process of the edge keeps in memory for C-GET"
        " and C-MOVE; 0 keeps none."
    ),
    "StorageAccessOnFind": (
        "`Always`: C-FIND compares and answers tags that are no main tags, from the stored header"
        " of one instance; `Answers`: it answers them alone; `Never`: neither."
    ),
    "SynchronousCMove": (
        "C-MOVE sends while its requestor waits; off, a job sends and survives a restart."
    ),
    "Worklists": (
        "Modality worklists, which are kept over REST (`/worklists`): `Enable`, `FilterIssuerAet`,"
        " `LimitAnswers` (0 is no limit) and `SetStudyInstanceUidIfMissing` as in Orthanc's plugin;"
        " `DeleteWorklistsDelay` in hours, of which 0 keeps them (the plugin's own default is 24);"
        " its other members have no effect."
    ),
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
    "StorageCompression": (
        "Objects are written compressed, by zlib, as Orthanc does; what is stored already stays as"
        " it is."
    ),
    "StorageTiers": (
        "Nephele's own: storage classes of S3 by age. `IntelligentTiering` (on), and days since"
        " reception in `GlacierInstantRetrievalDays`, `GlacierFlexibleRetrievalDays` and"
        " `GlacierDeepArchiveDays`; what the last two hold is restored, for `RestoreDays`, when it"
        " is first read."
    ),
    "StoreMD5ForAttachments": "MD5s of attachments are shown.",
    "MaximumStorageSize": "Most MiB of objects, attachments included; 0 is no limit.",
    "MaximumPatientCount": "Most patients; 0 is no limit.",
    "MaximumStorageMode": (
        "`Recycle`: the oldest patients that are not protected make room; `Reject`: what does not"
        " fit is refused."
    ),
    "UndeleteDays": (
        "Nephele's own: days for which deletions can be undone, and former versions of objects"
        " stay; 0 is never."
    ),
    "CheckRevisions": (
        "Whoever replaces or deletes metadata or an attachment has to name its revision"
        " (`If-Match`)."
    ),
    "UserMetadata": "Names of users' metadata: numbers from 1024 to 65535.",
    "UserContentType": (
        "Names of users' attachments: numbers from 1024 to 65535, or `[number, media type]`."
    ),
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
    "MaximumFrameSizeMB": (
        "Nephele's own: largest frame, encoded or decoded, that is transcoded or rendered, 1 to"
        " 4096; a larger one is refused before memory is taken for it. A function's memory, 1,769"
        " MiB, has to hold what a frame was, its samples and what it becomes: of native noise to"
        " JPEG Lossless, JPEG-LS or RLE three to four times its decoded size (of noise encoded"
        " before, five times), to HTJ2K six times and to JPEG 2000 eleven times, the last two of 8"
        " bits."
    ),
}
"""What each honoured option does, in a sentence."""

_INTRODUCTION = """# Configuration

Nephele reads Orthanc's own configuration file: JSON with `//` and `/* */` comments. The same file
serves `cdk deploy -c config=orthanc.json` and `nephele up --config orthanc.json`. An option that
no Orthanc knows, or a value an option cannot have, is an error that names the option; names that
begin with `_` are comments.

`${NAME}` and `${NAME:-default}` stand for variables of the environment, as in Orthanc: of the
command that reads the file (`nephele up`, `cdk deploy`, `nephele secrets push`, `nephele doctor`),
not of the cloud. A variable that is not set and has no default is an error; Orthanc puts nothing in
its place. It is one file: of a folder like Debian's `/etc/orthanc`, bring the options you use into
one.

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
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True)
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


def _names(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) + "."


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    sys.exit(0 if PAGE.write_text(render(), encoding="utf-8") else 1)
