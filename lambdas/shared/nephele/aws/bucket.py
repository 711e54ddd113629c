"""The bucket that holds every instance."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from nephele.aws import clients, multipart
from nephele.aws.connections import Answer, Reply
from nephele.aws.direct import direct_requests
from nephele.aws.glacier import Glacier
from nephele.aws.multipart import PART_BYTES, MultipartUpload, absent
from nephele.aws.ranged_object import ObjectHead, RangedObject
from nephele.aws.tracing import trace_headers
from nephele.errors import BeingRestored, UnknownResource

if TYPE_CHECKING:
    from botocore.response import StreamingBody

CONTENT_TYPE = "application/dicom"
_USER_METADATA = "x-amz-meta-"
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket; every method raises Unavailable when S3 fails, UnknownResource when a key is
    absent.
    """  # noqa: D205

    name: str
    restore_days: int = 7
    """How long an object can be read that was restored from a Glacier class."""

    def put(
        self,
        key: str,
        body: bytes,
        metadata: Mapping[str, str],
        md5: bytes,
        content_type: str = CONTENT_TYPE,
        *,
        is_new: bool = False,
    ) -> None:
        """Write an object in one request; S3 refuses it unless the bytes have this MD5.

        Raises
        ------
        Conflict
            There is one already, and it `is_new` only; so do all others that write.
        """
        content_md5 = base64.b64encode(md5).decode()
        headers = {"Content-MD5": content_md5, "Content-Type": content_type}
        headers |= {f"{_USER_METADATA}{name}": value for name, value in metadata.items()}
        headers |= trace_headers(key, metadata)
        if is_new:
            headers["If-None-Match"] = "*"
        with clients.translated("object"):
            client = clients.s3()
            if direct_requests(client).put(self.name, key, headers, body):
                return
            client.put_object(
                Bucket=self.name,
                Key=key,
                Body=body,
                ContentMD5=content_md5,
                ContentType=content_type,
                Metadata=metadata,
                **absent(is_new=is_new),
            )

    def put_whole(
        self, key: str, body: bytes, metadata: Mapping[str, str], *, is_new: bool = False
    ) -> None:
        """Write an object that is held in memory, in one request or in parts."""
        if len(body) <= PART_BYTES:
            md5 = hashlib.md5(body, usedforsecurity=False).digest()
            self.put(key, body, metadata, md5, is_new=is_new)
        else:
            self.put_large(key, io.BytesIO(body), metadata, is_new=is_new)

    def put_file(self, key: str, body: BinaryIO, size_bytes: int, md5: bytes) -> None:
        """Write an object from a file at its beginning, in one request or in parts."""
        if size_bytes <= PART_BYTES:
            self.put(key, body.read(), {}, md5)
        else:
            self.put_large(key, body, {})

    def put_json(self, key: str, value: object) -> None:
        """Write a small object of JSON."""
        body = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        self.put(key, body, {}, digest, "application/json")

    def put_large(
        self, key: str, body: BinaryIO, metadata: Mapping[str, str], *, is_new: bool = False
    ) -> None:
        """Write an object in parts of 8 MiB, each with its MD5; at failure nothing stays."""
        upload = self.begin_upload(key, CONTENT_TYPE, metadata)
        with upload.whole_or_nothing():
            upload.put_all(body, is_new=is_new)

    def open_range(self, key: str, start: int, stop: int | None = None) -> bytes:
        """Read the bytes `[start, stop)`, to the end where `stop` is None."""
        return self.read_range(key, start, stop)[0]

    def read_range(self, key: str, start: int, stop: int | None) -> tuple[bytes, ObjectHead]:
        """Read bytes and what S3 tells of the object, in one request."""
        answer = self.begin_range(key, start, stop).read()
        size = int(answer.headers["content-range"].rpartition("/")[2])
        return answer.body, ObjectHead(key, size, _user_metadata(answer.headers))

    def begin_range(self, key: str, start: int, stop: int | None = None) -> Reply[Answer]:
        """Ask for the bytes `[start, stop)` now; the reply's body has them."""
        last = "" if stop is None else str(stop - 1)
        wanted = f"bytes={start}-{last}"
        client = clients.s3()

        def ask() -> Answer:
            with self._glacier.reading(key):
                answer = client.get_object(Bucket=self.name, Key=key, Range=wanted)
                told = answer["ResponseMetadata"]
                body = answer["Body"].read()
                return Answer.of(told["HTTPStatusCode"], told["HTTPHeaders"].items(), body)

        with self._glacier.reading(key):
            return direct_requests(client).begin_get(self.name, key, wanted, ask)

    def open_stream(self, key: str) -> StreamingBody:
        """Open an object for reading from its beginning; the caller closes it."""
        with self._glacier.reading(key):
            return clients.s3().get_object(Bucket=self.name, Key=key)["Body"]

    @property
    def _glacier(self) -> Glacier:
        return Glacier(self.name, self.restore_days)

    def require_readable(self, key: str) -> None:
        """Raise BeingRestored, and begin that, where an object is in a Glacier class."""
        self._glacier.require_readable(key)

    def begin_restore(self, key: str) -> bool:
        """Begin the restore of an object if it is in a Glacier class; tell whether it is there."""
        try:
            self.require_readable(key)
        except BeingRestored:
            return True
        except UnknownResource:
            return False
        return False

    def read(self, key: str) -> bytes:
        """Read a whole object; only for what is known to be small."""
        with clients.translated("object"):
            return self.open_stream(key).read()

    def read_json(self, key: str) -> Any:
        """Read a small object of JSON."""
        return orjson.loads(self.read(key))

    def head(self, key: str) -> ObjectHead:
        """Ask for an object's size and metadata."""
        with clients.translated("object"):
            answer = clients.s3().head_object(Bucket=self.name, Key=key)
        return ObjectHead(key, answer["ContentLength"], answer["Metadata"])

    def exists(self, key: str) -> bool:
        """Tell whether there is an object."""
        try:
            self.head(key)
        except UnknownResource:
            return False
        return True

    def object(self, key: str) -> BinaryIO:
        """Open an object as a seekable file that reads by ranges, a MiB ahead."""
        return io.BufferedReader(RangedObject(self.open_range, self.head(key)), buffer_size=1 << 20)

    def delete(self, key: str) -> None:
        """Remove an object; one that is absent is no error."""
        with clients.translated("object"):
            clients.s3().delete_object(Bucket=self.name, Key=key)

    def undelete(self, key: str) -> bool:
        """Bring a removed object back, of any size and storage class; False if S3 has no version.

        What hides its last version is removed: nothing is read or written again. One that is there
        stays as it is.
        """
        if self.exists(key):
            return True
        client = clients.s3()
        with clients.translated("object"):
            pages = list(
                client.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=key)
            )
            if not any(one["Key"] == key for page in pages for one in page.get("Versions", ())):
                return False
            for marker in (one for page in pages for one in page.get("DeleteMarkers", ())):
                if marker["Key"] == key:
                    client.delete_object(Bucket=self.name, Key=key, VersionId=marker["VersionId"])
        return True

    def copy(
        self,
        source: str,
        target: str,
        metadata: Mapping[str, str],
        size_bytes: int,
        *,
        is_new: bool = False,
    ) -> None:
        """Copy an object inside the bucket under new metadata, whatever its size."""
        if size_bytes > multipart.COPY_PART_BYTES:
            upload = self.begin_upload(target, CONTENT_TYPE, metadata)
            with upload.whole_or_nothing():
                upload.copy_all(source, size_bytes, is_new=is_new)
            return
        with clients.translated("object"):
            clients.s3().copy_object(
                Bucket=self.name,
                Key=target,
                CopySource={"Bucket": self.name, "Key": source},
                MetadataDirective="REPLACE",
                ContentType=CONTENT_TYPE,
                Metadata=metadata,
                **absent(is_new=is_new),
            )

    def iter_objects(self, prefix: str, start_after: str = "") -> Iterator[tuple[str, float]]:
        """Yield keys under a prefix in order, with the epoch second of their last change."""
        pages = clients.s3().get_paginator("list_objects_v2")
        with clients.translated("bucket"):
            for page in pages.paginate(Bucket=self.name, Prefix=prefix, StartAfter=start_after):
                for item in page.get("Contents", []):
                    yield item["Key"], item["LastModified"].timestamp()

    def presign(
        self, key: str, expires_seconds: int, *, content_type: str, content_disposition: str
    ) -> str:
        """Return a URL that serves the object for a while under these headers, if not empty."""
        headers = {
            "ResponseContentType": content_type,
            "ResponseContentDisposition": content_disposition,
        }
        shown = {name: value for name, value in headers.items() if value}
        return clients.s3().generate_presigned_url(
            "get_object",
            Params={"Bucket": self.name, "Key": key, **shown},
            ExpiresIn=expires_seconds,
        )

    def begin_upload(
        self, key: str, content_type: str = CONTENT_TYPE, metadata: Mapping[str, str] = _NONE
    ) -> MultipartUpload:
        """Begin a multipart upload of an object."""
        return MultipartUpload.begin(self.name, key, content_type, metadata)

    def upload(self, key: str, upload_id: str) -> MultipartUpload:
        """Return a multipart upload that somebody has begun."""
        return MultipartUpload(self.name, key, upload_id)


def _user_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    names = (name for name in headers if name.startswith(_USER_METADATA))
    return {name[len(_USER_METADATA) :]: headers[name] for name in names}
