"""The table of requests for metadata, attachments and protection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import md5

from tests.differential.request import LEVEL_NAMES, LEVELS, Request, get, post

OPTIONS: dict[str, object] = {
    "UserContentType": {"my-doc": 1024, "my-pdf": [1025, "application/pdf"]},
    "UserMetadata": {"my-meta": 1024, "other": 1030},
}
"""What both servers are configured with."""

_CORE = (
    *("IndexInSeries", "ReceptionDate", "RemoteAET", "ExpectedNumberOfInstances", "LastUpdate"),
    *("Origin", "TransferSyntax", "SopClassUid", "RemoteIP", "CalledAET", "HttpUsername"),
    *("PixelDataOffset", "ModifiedFrom", "AnonymizedFrom"),
)
_HELLO = "5d41402abc4b2a76b9719d911017c592"
_ATTACHED = b"hello world " * 40
_ATTACHED_MD5 = md5(_ATTACHED, usedforsecurity=False).hexdigest()
_OTHER_REVISIONS = {
    "another revision": '"7-{}"',
    "another digest": f'"0-{"0" * 32}"',
    "no revision": "{}",
}
_SHOWN = (
    *("", "/info", "/data", "/size", "/md5", "/is-compressed"),
    *("/compressed-size", "/compressed-md5", "/compressed-data", "/nope"),
)


def put(reason: str, path: str, body: bytes = b"", *headers: tuple[str, str]) -> Request:
    """Return a PUT."""
    return Request(reason, "PUT", path, body, headers)


def delete(reason: str, path: str, *headers: tuple[str, str]) -> Request:
    """Return a DELETE."""
    return Request(reason, "DELETE", path, headers=headers)


def _metadata() -> Iterator[Request]:
    for level in LEVELS:
        one = LEVEL_NAMES[level]
        path = f"/{level}/{{a_{one}}}/metadata"
        yield get(f"metadata of a {one}", path)
        yield get(f"metadata of a {one}, expanded", f"{path}?expand")
        for name in _CORE:
            yield get(f"{name} of a {one}", f"{path}/{name}")
        yield put(f"set metadata of a {one}", f"{path}/my-meta", b"hello")
        yield put(f"set metadata of a {one} by number", f"{path}/1026", "grün".encode())
        yield get(f"metadata of a {one} that were set", path)
        yield get(f"metadata of a {one} that were set, expanded", f"{path}?expand")
        yield get(f"get metadata of a {one}", f"{path}/1024")
        yield get(f"get metadata of a {one} by name", f"{path}/my-meta")
        yield get(f"changes after metadata of a {one}", "/changes?last")
        for verb in (get, put, delete):
            for name, header in _OTHER_REVISIONS.items():
                reason = f"{verb.__name__} metadata of a {one} of {name}"
                yield _conditional(verb, reason, f"{path}/my-meta", header.format(_HELLO))
        yield put(f"empty metadata of a {one}", f"{path}/2000")
        yield get(f"get empty metadata of a {one}", f"{path}/2000")
        yield delete(f"delete empty metadata of a {one}", f"{path}/2000")
        yield delete(f"delete empty metadata of a {one} again", f"{path}/2000")
        yield get(f"deleted metadata of a {one}", f"{path}/2000")
        for core in ("1", "IndexInSeries", "Origin", "16"):
            yield put(f"set the metadata {core} of a {one}", f"{path}/{core}", b"x")
            yield delete(f"delete the metadata {core} of a {one}", f"{path}/{core}")
        yield get(f"metadata of an unknown {one}", f"/{level}/{{unknown}}/metadata")
        yield get(f"one of the metadata of an unknown {one}", f"/{level}/{{unknown}}/metadata/1024")
        yield put(f"set metadata of an unknown {one}", f"/{level}/{{unknown}}/metadata/1024", b"x")
        yield delete(f"delete metadata of an unknown {one}", f"/{level}/{{unknown}}/metadata/1024")
    path = "/studies/{a_study}/metadata"
    for name in ("nope", "500", "70000", "1023", "-3", "1", "LastUpdate", "65535", "65536"):
        yield get(f"get the metadata {name}", f"{path}/{name}")
        yield put(f"set the metadata {name}", f"{path}/{name}", b"x")
        yield delete(f"delete the metadata {name}", f"{path}/{name}")
        yield delete(f"delete the metadata {name} again", f"{path}/{name}")
    yield get("metadata of another level", "/series/{a_study}/metadata")
    yield put("set metadata under another level", "/series/{a_study}/metadata/3000", b"x")
    yield get("metadata that were set under another level", f"{path}/3000")
    yield put("bytes as metadata", f"{path}/3001", b"\xff\xfe")
    yield get("get bytes", f"{path}/3001")
    yield get("bytes among others", f"{path}?expand")
    yield post("POST on metadata", f"{path}/3001")
    match = "If-Match"
    yield put("another revision", f"{path}/my-meta", b"x", (match, f'"7-{_HELLO}"'))
    yield put("another digest", f"{path}/my-meta", b"x", (match, '"0-abc"'))
    yield put("no revision", f"{path}/my-meta", b"x", (match, "zz"))
    yield put("a revision of nothing", f"{path}/3002", b"x", (match, f'"7-{_HELLO}"'))
    yield put("the revision", f"{path}/my-meta", b"y", (match, f'"0-{_HELLO}"'))
    digest = "415290769594460e2e485922904f345d"
    yield get("what is known", f"{path}/my-meta", ("If-None-Match", f'"0-{digest}"'))
    yield get("what is not known", f"{path}/my-meta", ("If-None-Match", f'"0-{_HELLO}"'))
    yield get("a digest alone", f"{path}/my-meta", ("If-None-Match", digest))
    yield delete("delete with another revision", f"{path}/my-meta", (match, f'"9-{_HELLO}"'))
    yield delete("delete metadata", f"{path}/my-meta")
    yield get("deleted metadata", f"{path}/my-meta")
    yield get("the change of a deletion", "/changes?last")


def _shown(what: str, path: str) -> Iterator[Request]:
    for name in _SHOWN:
        yield get(f"{name or 'operations'} of {what}", f"{path}{name}")


def _conditional(verb: Callable[..., Request], reason: str, path: str, revision: str) -> Request:
    header = ("If-None-Match" if verb is get else "If-Match", revision)
    return verb(reason, path, b"x", header) if verb is put else verb(reason, path, header)


def _revised(one: str, path: str) -> Iterator[Request]:
    """Yield requests for an attachment that name its revision, or another one."""
    for name in _SHOWN[2:-1]:
        yield get(
            f"{name} of an attachment of a {one} that is known",
            f"{path}{name}",
            ("If-None-Match", f'"0-{_ATTACHED_MD5}"'),
        )
    for verb in (put, delete):
        for name, header in _OTHER_REVISIONS.items():
            reason = f"{verb.__name__} an attachment of a {one} of {name}"
            yield _conditional(verb, reason, path, header.format(_ATTACHED_MD5))


def _attachments() -> Iterator[Request]:
    for level in LEVELS:
        one = LEVEL_NAMES[level]
        path = f"/{level}/{{a_{one}}}/attachments"
        yield get(f"attachments of a {one}", path)
        yield put(f"attach to a {one}", f"{path}/my-doc", _ATTACHED)
        yield put(f"attach a document to a {one}", f"{path}/my-pdf", b"%PDF-")
        yield get(f"attachments of a {one}, there are some", path)
        yield get(f"attachments of a {one} with numbers", f"{path}?full")
        yield from _shown(f"an attachment of a {one}", f"{path}/my-doc")
        yield get(f"the document of a {one}", f"{path}/1025/data")
        yield from _revised(one, f"{path}/my-doc")
        yield get(f"changes after attachments of a {one}", "/changes?last")
        yield get(f"statistics of a {one} with attachments", f"/{level}/{{a_{one}}}/statistics")
        for verb in ("verify-md5", "compress", "compress", "verify-md5", "uncompress"):
            yield post(f"{verb} an attachment of a {one}", f"{path}/my-doc/{verb}")
            yield from _shown(f"an attachment of a {one} after {verb}", f"{path}/my-doc")
            yield post(f"{verb} nothing of a {one}", f"{path}/1030/{verb}")
        yield delete(f"delete the document of a {one}", f"{path}/my-pdf")
        yield delete(f"delete the document of a {one} again", f"{path}/my-pdf")
        yield get(f"the document of a {one}, deleted", f"{path}/my-pdf/data")
        yield get(f"attachments of a {one} that are left", path)
        yield get(f"attachments of an unknown {one}", f"/{level}/{{unknown}}/attachments")
        yield get(f"data of an unknown {one}", f"/{level}/{{unknown}}/attachments/my-doc/data")
    yield get("statistics with attachments", "/statistics")
    path = "/instances/{a_instance}/attachments"
    yield from _shown("the file of an instance", f"{path}/dicom")
    yield from _shown(
        "the file of an instance under another level", "/studies/{a_instance}/attachments/1"
    )
    for verb in ("verify-md5", "compress", "compress", "uncompress", "uncompress", "compress"):
        for name in ("dicom", "my-doc"):
            yield post(f"{verb} {name}", f"{path}/{name}/{verb}")
            yield from _shown(f"{name} after {verb}", f"{path}/{name}")
        yield get(f"the instance after {verb}", "/instances/{a_instance}")
        yield get(f"its statistics after {verb}", "/instances/{a_instance}/statistics")
        yield get(f"all statistics after {verb}", "/statistics")
        yield get(f"its tags after {verb}", "/instances/{a_instance}/simplified-tags")
        yield get(f"its picture after {verb}", "/instances/{a_instance}/preview")
        yield get(f"its file after {verb}", "/instances/{a_instance}/file")
    for name in ("nope", "2", "3", "1000", "70000", "1030", "-1"):
        yield get(f"get the attachment {name}", f"{path}/{name}/data")
        yield put(f"put the attachment {name}", f"{path}/{name}", b"x")
        yield delete(f"delete the attachment {name}", f"{path}/{name}")
        yield delete(f"delete the attachment {name} again", f"{path}/{name}")
        yield post(f"compress the attachment {name}", f"{path}/{name}/compress")
    yield delete("delete the file of an instance", f"{path}/dicom")
    yield put("replace the file of an instance", f"{path}/dicom", b"x")
    yield put("an empty attachment", f"{path}/my-doc")
    yield from _shown("an empty attachment", f"{path}/my-doc")
    yield put("an attachment, another revision", f"{path}/my-doc", b"x", ("If-Match", '"5-abc"'))
    yield put("an attachment, no revision", f"{path}/my-doc", b"x", ("If-Match", "zz"))
    yield delete("delete an attachment", f"{path}/my-doc")
    yield get("a deleted attachment", f"{path}/my-doc/data")
    yield get("the change of a deleted attachment", "/changes?last")


def _protection() -> Iterator[Request]:
    path = "/patients/{a_patient}/protected"
    yield get("is not protected", path)
    for body in (b"1", b" true\n", b"0", b"false", b"maybe", b"", b"2", b"True"):
        yield put(f"protect by {body!r}", path, body)
        yield get(f"is protected after {body!r}", path)
    for name in ("{unknown}", "{malformed}", "{a_study}"):
        yield get(f"is protected: {name}", f"/patients/{name}/protected")
        yield put(f"protect: {name}", f"/patients/{name}/protected", b"1")
    yield get("is a study protected", "/studies/{a_study}/protected")


KEEPING = (*_metadata(), *_attachments(), *_protection())
