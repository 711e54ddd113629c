"""The table of requests for tags beneath resources, for raw tags, and for options and logs."""

from __future__ import annotations

from collections.abc import Iterator

from tests.differential.request import LEVEL_NAMES, LEVELS, Request, get, post

VIEWS = ("/module", "/content", "/content/PatientName", "/content/7fe0-0010", "/pdf")
"""What is asked of every file."""

_FORMS = ("", "?short", "?simplify", "?ignore-length=ImageComments")
_FILE = "/instances/{a_instance}"


def _beneath() -> Iterator[Request]:
    for level in LEVELS:
        one = LEVEL_NAMES[level]
        path = f"/{level}/{{a_{one}}}"
        routes = ["module"] if one == "instance" else ["module", "shared-tags", "instances-tags"]
        for route in routes:
            for form in _FORMS:
                yield get(f"{route} of a {one}{form}", f"{path}/{route}{form}")
            yield get(f"{route} of an unknown {one}", f"/{level}/{{unknown}}/{route}")
            yield Request(f"PUT on {route} of a {one}", "PUT", f"{path}/{route}")
        yield get(f"module of a {one}, an unknown tag", f"{path}/module?ignore-length=NoSuchTag")
        yield post(f"reconstruct a {one}", f"{path}/reconstruct")
        yield post(f"reconstruct an unknown {one}", f"/{level}/{{unknown}}/reconstruct")
        yield get(f"reconstruct a {one} by GET", f"{path}/reconstruct")
    for form in _FORMS:
        yield get(f"the patient of a study{form}", f"/studies/{{a_study}}/module-patient{form}")
    yield get("the patient of an unknown study", "/studies/{unknown}/module-patient")
    yield get("the patient of a patient", "/patients/{a_patient}/module-patient")
    for name in ("a", "missing", "full", "outside"):
        yield get(f"slices of a series: {name}", f"/series/{{{name}_series}}/ordered-slices")
    yield get("slices of an unknown series", "/series/{unknown}/ordered-slices")
    yield get("slices of a study", "/studies/{a_study}/ordered-slices")


def _content() -> Iterator[Request]:
    for path in (
        "",
        "/",
        "/PatientName",
        "/0010-0010",
        "/0010,0010",
        "/00100010",
        "/7fe0-0010",
        "/7fe0-0010/0",
        "/7fe0-0010/1",
        "/7fe0-0010/x",
        "/7fe0-0010/0/0",
        "/0011-1111",
        "/0002-0010",
        "/PatientName/0",
        "/PatientName/x",
        "/ImageComments/",
        "//PatientName//",
        "/NoSuchTag",
        "/fffe-e000",
    ):
        yield get(f"content at {path or 'nothing'}", f"{_FILE}/content{path}")
    yield get("content of an unknown instance", "/instances/{unknown}/content")
    yield get("a tag of an unknown instance", "/instances/{unknown}/content/PatientName")
    yield Request("PUT on content", "PUT", f"{_FILE}/content/PatientName")
    yield get("a document of an image", f"{_FILE}/pdf")
    yield get("a document of an unknown instance", "/instances/{unknown}/pdf")
    yield post("export to a file system", f"{_FILE}/export", b"/no/such/path")


TAGS = (*_beneath(), *_content())


def _put(reason: str, path: str, body: bytes) -> Request:
    return Request(reason, "PUT", path, body)


def _flags(path: str, restored: bytes) -> Iterator[Request]:
    yield get(f"ask {path}", path)
    for body in (b"1", b"0", b"true", b"false", b" 1 ", b"True", b"yes", b""):
        yield _put(f"set {path} to {body!r}", path, body)
        yield get(f"ask {path} after {body!r}", path)
    yield _put(f"set {path} back", path, restored)
    yield post(f"POST on {path}", path)


def _options() -> Iterator[Request]:
    path = "/tools/default-encoding"
    yield get("the default encoding", path)
    for name in (b"latin2", b"Utf8", b"JapaneseKanji", b"Nope", b"", b" Latin1 "):
        yield _put(f"the default encoding becomes {name!r}", path, name)
    yield get("the default encoding that was set", path)
    yield _put("the default encoding is set back", path, b"Latin1")
    path = "/tools/accepted-transfer-syntaxes"
    yield get("the accepted transfer syntaxes", path)
    for body in (
        b'["1.2.840.10008.1.2.1","1.2.840.10008.1.2.4.5*"]',
        b'"1.2.840.10008.1.2.5"',
        b"1.2.840.10008.1.2.5",
        b'["nothing"]',
        b"{}",
        b"[1]",
        b"",
        b"*",
    ):
        yield _put(f"accept {body.decode() or 'an empty body'}", path, body)
    yield from _flags("/tools/unknown-sop-class-accepted", b"0")
    yield from _flags("/tools/metrics", b"1")


def _logs() -> Iterator[Request]:
    names = ("", *(f"-{one}" for one in "generic plugins http sqlite dicom jobs lua".split()))
    for name in names:
        path = f"/tools/log-level{name}"
        yield get(f"the level of log-level{name}", path)
        yield _put(f"log-level{name} becomes verbose", path, b"verbose")
        yield get(f"the level of log-level{name} that was set", path)
        yield _put(f"log-level{name} is set back", path, b"default")
    yield _put("one category is traced", "/tools/log-level-dicom", b"trace")
    yield get("the main level is the most verbose", "/tools/log-level")
    yield _put("all are verbose", "/tools/log-level", b"verbose")
    yield get("one of all", "/tools/log-level-jobs")
    yield _put("a level in capitals", "/tools/log-level", b"Default")
    yield _put("no level", "/tools/log-level-http", b"")
    yield _put("all are as they were", "/tools/log-level", b"default")
    yield get("a category there is not", "/tools/log-level-nothing")


def _others() -> Iterator[Request]:
    yield post("invalidate tags", "/tools/invalidate-tags")
    yield post("reconstruct everything", "/tools/reconstruct")
    yield get("reconstruct everything by GET", "/tools/reconstruct")
    yield get("the conformance statement", "/tools/dicom-conformance")
    yield post("execute a script", "/tools/execute-script", b"print(1)")
    for body in (b'{"Resources":["x"]}', b'{"Resources":"x"}', b'{"Resources":[1]}', b"{}", b"zz"):
        yield post(f"delete in bulk: {body.decode()}", "/tools/bulk-delete", body)
    yield get("exports", "/exports")
    yield get("the last export", "/exports?last")
    yield get("exports behind a number", "/exports?since=4")
    yield get("exports behind no number", "/exports?since=x&limit=2")
    yield Request("clear exports", "DELETE", "/exports")
    yield post("POST on exports", "/exports")
    yield get("the plugins", "/plugins")
    yield get("a plugin there is not", "/plugins/nothing")
    yield get("extensions of the page", "/plugins/explorer.js")


OPTIONS = (*_options(), *_logs(), *_others())
