"""The table of requests that store and delete: what both servers are given, and why."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator, Mapping

from tests.differential.request import LEVELS, Request, get, post
from tests.differential.tree import FIRST, SECOND, SENT, Node

_FILE = "/instances/{a_instance}"


def _upload(node: Node) -> Request:
    return post(f"upload {node.name}", "/instances", node.encoded())


UPLOADS = tuple(_upload(node) for node in FIRST)

MORE_UPLOADS = tuple(_upload(node) for node in SECOND)


def _form(*files: bytes) -> bytes:
    parts = (
        b"--frontier\r\nContent-Disposition: form-data; name=f; filename=f\r\n"
        b"Content-Type: application/octet-stream\r\n\r\n" + file + b"\r\n"
        for file in files
    )
    return b"".join(parts) + b"--frontier--\r\n"


def _zip(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


_A, _B, _X = FIRST[0], FIRST[1], Node("x", "PAT-X", study=9, series=1, number=1)
_Y, _Z = (Node(name, "PAT-X", study=9, series=1, number=n) for name, n in (("y", 2), ("z", 3)))
_FORM = ("Content-Type", "multipart/form-data; boundary=frontier")
_GZIP = ("Content-Encoding", "gzip")
_JUNK = {"folder/": b"", "folder/readme.txt": b"hello", "__MACOSX/._a": b"\0\5", "empty": b""}

UPLOAD_VARIANTS = (
    post("the same again", "/instances", _A.encoded()),
    post("other bytes under the same UID", "/instances", _A.encoded("Abdomen")),
    get("the first bytes stay", f"{_FILE}/file"),
    get("the first tags stay", f"{_FILE}/simplified-tags"),
    post("an empty body", "/instances"),
    post("not DICOM", "/instances", b"no image at all"),
    post("random bytes", "/instances", bytes(n * n % 251 for n in range(100_000))),
    post("JSON instead of an image", "/instances", b'{"Tags":{}}'),
    post("a preamble alone", "/instances", _A.encoded()[:132]),
    post("cut in the meta information", "/instances", _A.encoded()[:200]),
    post("cut in the data set", "/instances", _X.encoded()[:700]),
    post("gzip", "/instances", gzip.compress(_X.encoded(), mtime=0), _GZIP),
    post("gzip without saying so", "/instances", gzip.compress(_Y.encoded(), mtime=0)),
    post("gzip in name only", "/instances", _Y.encoded(), _GZIP),
    post("cut gzip", "/instances", gzip.compress(_Y.encoded(), mtime=0)[:-40], _GZIP),
    post("gzip of nothing", "/instances", gzip.compress(b"", mtime=0), _GZIP),
    post(
        "a ZIP archive", "/instances", _zip({"a/b/y.dcm": _Y.encoded(), **_JUNK, "x": _X.encoded()})
    ),
    post("a stored ZIP archive", "/instances", _zip({"y": _Y.encoded()}, zipfile.ZIP_STORED)),
    post("a ZIP archive of junk", "/instances", _zip(_JUNK)),
    post("an empty ZIP archive", "/instances", _zip({})),
    post("a cut ZIP archive", "/instances", _zip({"y": _Y.encoded()})[:-30]),
    post("an image of a wrong type", "/instances", _Z.encoded(), ("Content-Type", "text/html")),
    post("a form of two images", "/instances", _form(_A.encoded(), _B.encoded()), _FORM),
    post("a form with a bad image", "/instances", _form(_A.encoded(), b"junk"), _FORM),
    post("a form of nothing", "/instances", _form(), _FORM),
    post(
        "a form without boundary",
        "/instances",
        _form(_A.encoded()),
        ("Content-Type", "multipart/form-data"),
    ),
    post("a form to a list", "/instances/", _form(_A.encoded()), _FORM),
)

RESENT = (
    post("upload what storescu sent", "/instances", SENT[0].encoded()),
    get("what storescu sent stays", f"/instances/{{{SENT[0].name}_instance}}"),
    Request("delete what storescu sent", "DELETE", f"/patients/{{{SENT[0].name}_patient}}"),
    Request("delete the study storescu sent", "DELETE", f"/studies/{{{SENT[2].name}_study}}"),
)

LEFT = (
    get("what all of it left", "/patients?expand"),
    get("the instances of it", "/instances"),
    get("the counts of it", "/statistics"),
)

_REST_OF_TREE = (
    ("an instance of several", "instances", "a2_instance"),
    ("a series that is not the last", "series", "missing_series"),
    ("the last instance of a study", "instances", "a_instance"),
    ("one of two in a series", "instances", "doubled_instance"),
    ("the last study but one", "studies", "doubled_study"),
    ("the same study of another patient", "studies", "b_study"),
    ("the last series of a patient but one", "series", "full_series"),
    ("a whole patient", "patients", "full_patient"),
)


def _deleting() -> Iterator[Request]:
    for level in LEVELS:
        yield Request(f"delete an unknown {level} id", "DELETE", f"/{level}/{{unknown}}")
        yield Request(f"delete a malformed {level} id", "DELETE", f"/{level}/{{malformed}}")
    yield Request("delete a patient as a study", "DELETE", "/studies/{a_patient}")
    yield Request("delete a study as an instance", "DELETE", "/instances/{a_study}")
    yield Request("delete something beneath", "DELETE", "/studies/{a_study}/series")
    for what, level, name in _REST_OF_TREE:
        path = f"/{level}/{{{name}}}"
        yield Request(f"delete {what}", "DELETE", path)
        yield get(f"what was deleted: {what}", path)
        yield Request(f"delete again: {what}", "DELETE", path)
        yield get(f"the patients after: {what}", "/patients?expand")
        yield get(f"the studies after: {what}", "/studies?expand")
        yield get(f"the series after: {what}", "/series?expand")
        yield get(f"the counts after: {what}", "/statistics")
    yield get("delete by _method", "/patients/{a_patient}?_method=DELETE")
    yield post("look up what was deleted", "/tools/lookup", b"<a_sop_uid>")
    yield post("upload again what was deleted", "/instances", _A.encoded())
    yield get("it is back", "/instances/{a_instance}")
    yield get("it is the same file", f"{_FILE}/file")


DELETES = tuple(_deleting())
