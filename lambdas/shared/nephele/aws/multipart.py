"""Multipart uploads of S3: objects written or copied in parts, by one or several, or a client."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Self, TypedDict

from botocore.exceptions import ClientError

from nephele.aws import clients
from nephele.errors import ParameterOutOfRange, Unavailable, UnknownResource

PART_BYTES = 8 << 20
"""Size of one part of a multipart upload, and the largest object written with one PUT."""
COPY_PART_BYTES = 256 << 20
"""Size of what one request copies; many at a time, so that a caller's time suffices."""
COPIES_AT_ONCE = 16
"""How many parts are copied together."""
_MOST_PARTS = 9_000
"""S3 allows 10,000 parts of a multipart upload."""
_WRONG_PARTS = frozenset(
    {"EntityTooSmall", "InvalidPart", "InvalidPartOrder", "InvalidRequest", "MalformedXML"}
)
"""What S3 says to a list of parts that it cannot make an object of."""


class _Condition(TypedDict, total=False):
    IfNoneMatch: str


def absent(*, is_new: bool) -> _Condition:
    """Return the parameter by which S3 refuses to write where an object is."""
    return {"IfNoneMatch": "*"} if is_new else {}


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """A multipart upload a client does by itself; part `n` is PUT to `part_urls[n]`."""

    upload_id: str
    part_size_bytes: int
    part_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MultipartUpload:
    """An upload that has begun, known to S3 by its key and id; numbers of parts begin with 1.

    Every method raises Unavailable when S3 fails, UnknownResource when the upload is gone.
    """

    bucket: str
    key: str
    upload_id: str

    @classmethod
    def begin(cls, bucket: str, key: str, content_type: str, metadata: Mapping[str, str]) -> Self:
        """Begin an upload of an object under its metadata."""
        with clients.translated("upload"):
            answer = clients.s3().create_multipart_upload(
                Bucket=bucket, Key=key, ContentType=content_type, Metadata=metadata
            )
        return cls(bucket, key, answer["UploadId"])

    def put(self, number: int, part: bytes) -> str:
        """Write a part and return its ETag; S3 refuses it unless it has its MD5."""
        digest = hashlib.md5(part, usedforsecurity=False).digest()
        with clients.translated("upload"):
            return clients.s3().upload_part(
                Bucket=self.bucket,
                Key=self.key,
                UploadId=self.upload_id,
                PartNumber=number,
                Body=part,
                ContentMD5=base64.b64encode(digest).decode(),
            )["ETag"]

    def put_all(self, body: BinaryIO, *, is_new: bool = False) -> None:
        """Write parts of 8 MiB of a file, to its end, and complete the upload."""
        parts = iter(lambda: body.read(PART_BYTES), b"")
        etags = [self.put(number, part) for number, part in enumerate(parts, 1)]
        self.complete_own(etags, is_new=is_new)

    def copy_all(self, source: str, size_bytes: int, *, is_new: bool = False) -> None:
        """Copy parts of an object of the same bucket, many at a time, and complete the upload."""
        self.complete_own(self.copy_parts(source, copy_ranges(size_bytes)), is_new=is_new)

    def copy_parts(self, source: str, ranges: Mapping[int, str]) -> list[str]:
        """Copy ranges of an object of the same bucket as parts of these numbers, `COPIES_AT_ONCE`.

        Returns
        -------
        list of str
            Their ETags, in the order of the mapping.
        """

        def copy(number: int) -> str:
            with clients.translated("upload"):
                return clients.s3().upload_part_copy(
                    Bucket=self.bucket,
                    Key=self.key,
                    UploadId=self.upload_id,
                    PartNumber=number,
                    CopySource={"Bucket": self.bucket, "Key": source},
                    CopySourceRange=ranges[number],
                )["CopyPartResult"]["ETag"]

        with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
            return list(pool.map(copy, ranges))

    def etags(self) -> dict[int, str]:
        """Return the ETags of the parts that S3 has, by their numbers.

        Of equal bytes written twice they may differ: under KMS an ETag is no MD5.
        """
        pages = clients.s3().get_paginator("list_parts")
        with clients.translated("upload"):
            return {
                part["PartNumber"]: part["ETag"]
                for page in pages.paginate(
                    Bucket=self.bucket, Key=self.key, UploadId=self.upload_id
                )
                for part in page.get("Parts", [])
            }

    def presign(self, size_bytes: int, expires_seconds: int) -> PresignedUpload:
        """Return URLs for a client to write an object of a size in parts.

        The parts are 8 MiB, larger where S3's 10,000 parts would not do.
        """
        part_bytes = max(PART_BYTES, -(-size_bytes // _MOST_PARTS))
        named = {"Bucket": self.bucket, "Key": self.key, "UploadId": self.upload_id}
        urls = tuple(
            clients.s3().generate_presigned_url(
                "upload_part", Params={**named, "PartNumber": number}, ExpiresIn=expires_seconds
            )
            for number in range(1, max(1, -(-size_bytes // part_bytes)) + 1)
        )
        return PresignedUpload(self.upload_id, part_bytes, urls)

    def complete(self, etags: Sequence[str], *, is_new: bool = False) -> None:
        """Make an object of all parts, given their ETags in order.

        Raises
        ------
        Conflict
            There is one already, and it `is_new` only.
        """
        parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
        with clients.translated("upload"):
            clients.s3().complete_multipart_upload(
                Bucket=self.bucket,
                Key=self.key,
                UploadId=self.upload_id,
                MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
                **absent(is_new=is_new),
            )

    def complete_own(self, etags: Sequence[str], *, is_new: bool = False) -> None:
        """Complete an upload that the caller has just written to, and nobody else ends.

        Raises
        ------
        Conflict
            As `complete`.
        Unavailable
            Also where S3 knows of no such upload: an attempt before, whose answer was lost, has
            completed it, or is at it. Nothing that the object is made of is gone.
        """
        try:
            self.complete(etags, is_new=is_new)
        except UnknownResource as exc:
            raise Unavailable("upload: S3 has completed it, or is at it") from exc

    def complete_as_told(self, etags: Sequence[str]) -> None:
        """Complete an upload as `complete`, with the ETags a client tells.

        Raises
        ------
        ParameterOutOfRange
            They are not those of the parts there are, or a part is too small.
        """
        try:
            self.complete(etags)
        except Unavailable as exc:
            cause = exc.__cause__
            if isinstance(cause, ClientError) and clients.error_code(cause) in _WRONG_PARTS:
                reason = f"ETags: S3 has no such parts ({clients.error_code(cause)})"
                raise ParameterOutOfRange(reason) from cause
            raise

    def abort(self) -> None:
        """Give the upload up; S3 removes its parts."""
        with clients.translated("upload"):
            clients.s3().abort_multipart_upload(
                Bucket=self.bucket, Key=self.key, UploadId=self.upload_id
            )

    def abort_if_open(self) -> None:
        """Give the upload up after an error, which is what is told: S3 may have completed it."""
        with suppress(UnknownResource):
            self.abort()

    @contextmanager
    def whole_or_nothing(self) -> Iterator[None]:
        """Leave nothing behind of what fails."""
        try:
            yield
        except BaseException:
            self.abort_if_open()
            raise


def copy_ranges(size_bytes: int) -> dict[int, str]:
    """Return the ranges in which an object of a size is copied, by the numbers of their parts."""
    part_bytes = max(COPY_PART_BYTES, -(-size_bytes // _MOST_PARTS))
    return {
        number: f"bytes={start}-{min(start + part_bytes, size_bytes) - 1}"
        for number, start in enumerate(range(0, size_bytes, part_bytes), 1)
    }
