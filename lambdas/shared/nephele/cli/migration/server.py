"""What a migration reads, of the Orthanc it comes from and of the archive it goes to."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import httpx

from nephele.cli.exchange import Absent, Failed, Refused, Sleep, Stopped, Transient, checked, insist
from nephele.domain.content_type import is_user_content
from nephele.domain.levels import Level
from nephele.domain.metadata import Metadata, is_user_metadata, metadata_named
from nephele.domain.transfer_syntax import transfer_syntax

_IN_MEMORY_BYTES = 4 << 20
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Described:
    """A resource as a server describes it.

    Attributes
    ----------
    metadata : mapping
        Those of users, by name.
    original_md5 : str
        Of what an instance was before the server has transcoded it, "" where it does not tell.
    """

    orthanc_id: str
    level: Level
    labels: frozenset[str]
    metadata: Mapping[str, str]
    transfer_syntax_uid: str
    original_md5: str

    @property
    def path(self) -> str:
        """Return its path in the REST API."""
        return f"/{self.level.collection}/{self.orthanc_id}"


@dataclass(frozen=True, slots=True)
class Content:
    """A file that was read from a server, from its beginning."""

    file: BinaryIO
    size_bytes: int
    md5: str


@dataclass(frozen=True, slots=True)
class Server:
    """Reads one server's REST API; safe to share between threads.

    Attributes
    ----------
    user_metadata : mapping
        Names of users' metadata to their numbers; empty where the server does not tell (before
        Orthanc 1.12).
    """

    client: httpx.Client
    user_metadata: Mapping[str, int]
    ingest_transcoding: str = ""
    sleep: Sleep = time.sleep

    @classmethod
    def connect(cls, client: httpx.Client, what: str, sleep: Sleep = time.sleep) -> Server:
        """Ask a server who it is.

        Raises
        ------
        Stopped
            It does not answer as Orthanc does.
        """
        try:
            system = insist(lambda: checked(client.get("/system")), sleep).json()
            return cls(
                client,
                system.get("UserMetadata", {}),
                system.get("IngestTranscoding", ""),
                sleep,
            )
        except (Refused, Failed) as exc:
            raise Stopped(f"{what}: {exc}") from exc
        except (ValueError, AttributeError) as exc:
            raise Stopped(f"{what} does not answer as Orthanc does") from exc

    def require_lossless(self) -> None:
        """Check that what is sent to the server keeps its identifiers.

        Raises
        ------
        Stopped
            Its `IngestTranscoding` is lossy.
        """
        uid = self.ingest_transcoding
        if transfer_syntax(uid).is_lossy:
            raise Stopped(
                f"IngestTranscoding: {uid} is lossy, and would make other instances of what the "
                "target receives. Leave it out until everything is copied"
            )

    def get(self, path: str) -> httpx.Response:
        """GET, after redirects.

        Raises
        ------
        Refused, Absent, Failed, Stopped
            There is no answer that could be used.
        """
        return insist(lambda: checked(self.client.get(path, follow_redirects=True)), self.sleep)

    def get_json(self, path: str) -> Any:
        """GET a JSON document; bytes that are no text are replaced. Raises as `get`."""
        return _json(self.get(path))

    def describe(self, orthanc_ids: Sequence[str]) -> dict[str, Described]:
        """Describe resources of any level; what the server does not have is left out."""
        body = json.dumps({"Resources": list(orthanc_ids), "Metadata": True}).encode()
        answer = insist(
            lambda: checked(
                self.client.post("/tools/bulk-content", content=body, follow_redirects=True)
            ),
            self.sleep,
        )
        return {one["ID"]: _described(one) for one in _json(answer)}

    def attachments(self, path: str) -> dict[str, int]:
        """Return the names of users' attachments of a resource, with their numbers."""
        found = self.get_json(f"{path}/attachments?full")
        return {name: number for name, number in found.items() if is_user_content(number)}

    def md5(self, path: str, name: str) -> str:
        """Return the MD5 that a server has of an attachment, "" where it has none."""
        try:
            return self.get(f"{path}/attachments/{name}/md5").text.strip().lower()
        except Absent:
            self.get(f"{path}/attachments/{name}/size")  # raises where there is no attachment
            return ""

    def known_md5(self, path: str, name: str) -> str:
        """Return the MD5 of an attachment; it is read where the server has none."""
        md5 = self.md5(path, name)
        if md5:
            return md5
        with self.content(path, name) as content:
            return content.md5

    @contextmanager
    def content(self, path: str, name: str, md5: str = "") -> Iterator[Content]:
        """Read an attachment; what does not have the MD5 it should have is read again."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            data = f"{path}/attachments/{name}/data"
            yield insist(lambda: self._read(data, cast(BinaryIO, file), md5), self.sleep)

    def _read(self, path: str, file: BinaryIO, md5: str) -> Content:
        file.seek(0)
        file.truncate()
        digest = hashlib.md5(usedforsecurity=False)
        with self.client.stream("GET", path, follow_redirects=True) as response:
            if not response.is_success:
                response.read()
            checked(response)
            for block in response.iter_bytes(_BLOCK_BYTES):
                digest.update(block)
                file.write(block)
        if md5 and digest.hexdigest() != md5:
            raise Transient(f"What was read does not have the MD5 the source tells: {md5}")
        size_bytes = file.tell()
        file.seek(0)
        return Content(file, size_bytes, digest.hexdigest())


def _json(response: httpx.Response) -> Any:
    # Orthanc puts metadata that are no text into JSON as they are.
    return json.loads(response.content.decode("utf-8", "replace"))


def _described(document: Mapping[str, Any]) -> Described:
    metadata = document.get("Metadata", {})
    return Described(
        orthanc_id=document["ID"],
        level=Level(document["Type"]),
        labels=frozenset(document.get("Labels", ())),
        metadata={name: value for name, value in metadata.items() if is_of_users(name)},
        transfer_syntax_uid=metadata.get("TransferSyntax", ""),
        original_md5=metadata.get(Metadata.ORIGINAL_MD5.label, ""),
    )


def is_of_users(name: str) -> bool:
    """Tell whether a metadata is one that users write: neither Orthanc's name nor its number."""
    is_core_number = name.isascii() and name.isdigit() and not is_user_metadata(int(name))
    return metadata_named(name) is None and not is_core_number
