"""Bodies that Lambda cannot carry: handed over as signed, short-lived paths under `/blobs/`."""

from __future__ import annotations

import hashlib
from typing import BinaryIO
from urllib.parse import quote, urlsplit, urlunsplit

from nephele.aws import clock, keys
from nephele.aws.blob_urls import query_of
from nephele.services.archive import Archive
from nephele.settings.limits import BLOB_EXPIRES_SECONDS

BLOBS = "/blobs/"


def blob_path(archive: Archive, key: str, *, content_type: str, content_disposition: str) -> str:
    """Return `/blobs/<key>?<signature>`, good for a while, serving an object of the bucket.

    Raises
    ------
    BeingRestored
        It is in a Glacier class.
    """
    if archive.configuration.storage_tiers.needs_restore:
        archive.bucket.require_readable(key)
    if archive.blob_signer is not None:
        query = query_of(content_type, content_disposition)
        path = f"{BLOBS}{quote(key)}"
        return archive.blob_signer.sign(f"{path}?{query}" if query else path, BLOB_EXPIRES_SECONDS)
    signed = archive.bucket.presign(
        key,
        BLOB_EXPIRES_SECONDS,
        content_type=content_type,
        content_disposition=content_disposition,
    )
    return f"{BLOBS}{quote(key)}?{urlsplit(signed).query}"


def hand_over(archive: Archive, body: bytes, *, content_type: str, content_disposition: str) -> str:
    """Write an answer's body to the bucket and return the signed path that serves it.

    The bucket's lifecycle removes it.
    """
    key = keys.answer_key(clock.new_uuid())
    archive.bucket.put(key, body, {}, hashlib.md5(body, usedforsecurity=False).digest())
    return blob_path(
        archive, key, content_type=content_type, content_disposition=content_disposition
    )


def hand_over_file(archive: Archive, body: BinaryIO, *, content_type: str) -> str:
    """Write an answer's body from a file to the bucket and return the signed path that serves it.

    The bucket's lifecycle removes it.
    """
    key = keys.answer_key(clock.new_uuid())
    archive.bucket.put_large(key, body, {})
    return blob_path(archive, key, content_type=content_type, content_disposition="")


def bucket_url(archive: Archive, key: str, query: str) -> str:
    """Return the bucket's own URL for a signed path; the signature in the query decides there."""
    signed = archive.bucket.presign(key, 1, content_type="", content_disposition="")
    return urlunsplit(urlsplit(signed)._replace(query=query))
