"""The table of requests: what both servers are asked, phase after phase, and why."""

from __future__ import annotations

import base64
import gzip
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.differential.tree import FIRST, SECOND, SENT, Node

_LEVEL_OF_NAME = re.compile(r"\{\w+?_(patient|study|series|instance)\}")
LEVELS = ("patients", "studies", "series", "instances")
LEVEL_NAMES = dict(zip(LEVELS, ("patient", "study", "series", "instance"), strict=True))


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes
    ----------
    reason : str
        Why it is asked; the name of its test.
    path : str
        May name ids of the tree: `/studies/{a_study}`.
    is_anonymous : bool
        Sent without a login.
    """

    reason: str
    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    is_anonymous: bool = False

    @property
    def route(self) -> str:
        """Method and path, ids replaced by their level."""
        return self.method + " " + _LEVEL_OF_NAME.sub(r"{\1}", self.path)

    def target(self, ids: Mapping[str, str]) -> str:
        """Return the path to ask for."""
        return self.path.format_map(ids)

    def content(self, ids: Mapping[str, str]) -> bytes:
        """Return the body; `<name>` in it is an id of the tree."""
        found = re.fullmatch(rb"<(\w+)>", self.body)
        return ids[found[1].decode()].encode() if found else self.body


def _get(reason: str, path: str, *headers: tuple[str, str]) -> Request:
    return Request(reason, "GET", path, headers=headers)


def _post(reason: str, path: str, body: bytes = b"", *headers: tuple[str, str]) -> Request:
    return Request(reason, "POST", path, body, headers)


def _upload(node: Node) -> Request:
    return _post(f"upload {node.name}", "/instances", node.encoded())


def _login(user: str, password: str) -> tuple[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return "Authorization", f"Basic {token}"


EMPTY = (
    Request("no login", "GET", "/system", is_anonymous=True),
    Request("no login on an unknown path", "GET", "/no/such/path", is_anonymous=True),
    Request("no login on a wrong verb", "PUT", "/system", is_anonymous=True),
    Request("wrong password", "GET", "/system", b"", (_login("alice", "no"),), is_anonymous=True),
    Request("unknown user", "GET", "/system", b"", (_login("eve", "no"),), is_anonymous=True),
    Request(
        "a login that is not Basic",
        "GET",
        "/system",
        headers=(("Authorization", "Bearer x"),),
        is_anonymous=True,
    ),
    _get("the system", "/system"),
    _get("counts of an empty archive", "/statistics"),
    *(_get(f"an empty list of {level}", f"/{level}") for level in LEVELS),
    *(_get(f"an empty expanded list of {level}", f"/{level}?expand") for level in LEVELS),
    _get("an empty change log", "/changes"),
    _get("the last of an empty change log", "/changes?last"),
    _post("nothing to find", "/tools/lookup", b"PAT-A"),
)

UPLOADS = tuple(_upload(node) for node in FIRST)

CHANGES = (
    _get("all changes", "/changes"),
    _get("the first page", "/changes?limit=4"),
    _get("the next page", "/changes?since=4&limit=4"),
    _get("one change", "/changes?since=7&limit=1"),
    _get("since without a limit", "/changes?since=10"),
    _get("a page beyond the end", "/changes?since=1000&limit=4"),
    _get("the last page exactly", "/changes?since=16&limit=2"),
    _get("the latest change", "/changes?last"),
    _get("the latest change, whatever else", "/changes?last&since=3&limit=1"),
    _get("no limit", "/changes?limit=0"),
    _get("a limit that is no number", "/changes?since=2&limit=abc"),
    _get("a start that is no number", "/changes?since=abc&limit=2"),
    _get("a negative start", "/changes?since=-1&limit=2"),
    _get("a cache buster", "/changes?since=2&limit=2&_=1700000000"),
    _post("changes by POST", "/changes"),
    Request("changes by PUT", "PUT", "/changes"),
)

MORE_UPLOADS = tuple(_upload(node) for node in SECOND)


def _reading() -> Iterator[Request]:
    yield _get("counts", "/statistics")
    for level in LEVELS:
        yield from _reading_list(level)
    for name in ("a", "missing", "doubled", "b", "full", "outside"):
        for level, one in LEVEL_NAMES.items():
            yield _get(f"one {one}: {name}", f"/{level}/{{{name}_{one}}}")
    for position, level in enumerate(LEVELS):
        yield from _reading_family(level, LEVELS[:position], LEVELS[position + 1 :])
        yield from _reading_errors(level)


def _reading_list(level: str) -> Iterator[Request]:
    yield _get(f"list {level}", f"/{level}")
    yield _get(f"list {level}, a slash behind", f"/{level}/")
    yield _get(f"list {level}, doubled slashes", f"//{level}//")
    yield _get(f"list {level}, a cache buster", f"/{level}?_=1700000000")
    yield _get(f"list {level}, expand without value", f"/{level}?expand")
    yield _get(f"list {level}, expand=", f"/{level}?expand=")
    yield _get(f"list {level}, expand=1", f"/{level}?expand=1")
    yield _get(f"list {level}, expand=true", f"/{level}?expand=true")
    yield _get(f"list {level}, expand=0", f"/{level}?expand=0")
    yield _get(f"list {level}, expand=false", f"/{level}?expand=false")
    yield _get(f"list {level}, expand=maybe", f"/{level}?expand=maybe")
    yield _get(f"list {level}, short", f"/{level}?expand&short")
    yield _get(f"list {level}, full", f"/{level}?expand&full")
    yield _get(f"list {level}, simplify wins", f"/{level}?expand&full&short&simplify")
    yield _get(f"list {level}, all on one page", f"/{level}?since=0&limit=1000")
    yield _get(f"list {level}, an expanded page", f"/{level}?since=0&limit=1000&expand")
    yield _get(f"list {level}, since without limit", f"/{level}?since=0")
    yield _get(f"list {level}, limit without since", f"/{level}?limit=1")
    yield _get(f"list {level}, since is no number", f"/{level}?since=a&limit=1")
    yield _get(f"list {level}, limit is no number", f"/{level}?since=0&limit=b")
    yield _get(f"list {level}, negative since", f"/{level}?since=-1&limit=1000")
    yield _get(f"list {level}, a page beyond the end", f"/{level}?since=1000&limit=5")
    yield _get(f"list {level}, XML is not needed", f"/{level}", ("Accept", "application/json"))


def _reading_family(
    level: str, above: tuple[str, ...], below: tuple[str, ...]
) -> Iterator[Request]:
    one = LEVEL_NAMES[level]
    path = f"/{level}/{{a_{one}}}"
    for form in ("short", "full", "simplify"):
        yield _get(f"one {one}, {form}", f"{path}?{form}")
    yield _get(f"one {one}, a slash behind", f"{path}/")
    yield _get(f"one {one}, doubled slashes", f"//{level}//{{a_{one}}}")
    yield _get(f"one {one}, requested tags", f"{path}?requestedTags=PatientName;0008,0060")
    yield _get(f"statistics of one {one}", f"{path}/statistics")
    for child in below:
        yield _get(f"{child} of one {one}", f"{path}/{child}")
        yield _get(f"{child} of one {one}, short", f"{path}/{child}?short")
        yield _get(f"{child} of one {one}, expand", f"{path}/{child}?expand")
        yield _get(f"{child} of one {one}, expand=false", f"{path}/{child}?expand=false")
        yield _get(f"{child} of an unknown {one}", f"/{level}/{{unknown}}/{child}")
    for ancestor in above:
        parent = LEVEL_NAMES[ancestor]
        yield _get(f"the {parent} of one {one}", f"{path}/{parent}")
        yield _get(f"the {parent} of one {one}, full", f"{path}/{parent}?full")
        yield _get(f"the {parent} of an unknown {one}", f"/{level}/{{unknown}}/{parent}")


def _reading_errors(level: str) -> Iterator[Request]:
    one = LEVEL_NAMES[level]
    other = next(name for name in LEVEL_NAMES.values() if name != one)
    yield _get(f"an unknown {one}", f"/{level}/{{unknown}}")
    yield _get(f"a malformed id of a {one}", f"/{level}/{{malformed}}")
    yield _get(f"a {one} that is a {other}", f"/{level}/{{a_{other}}}")
    yield _get(f"statistics of an unknown {one}", f"/{level}/{{unknown}}/statistics")
    yield _get(f"an unknown path beneath a {one}", f"/{level}/{{a_{one}}}/no-such-thing")
    yield Request(f"PUT on a {one}", "PUT", f"/{level}/{{a_{one}}}")
    yield Request(f"POST on a {one}", "POST", f"/{level}/{{a_{one}}}")
    yield Request(f"PUT on {level}", "PUT", f"/{level}")
    yield Request(f"DELETE on {level}", "DELETE", f"/{level}")
    if one != "instance":
        yield _post(f"POST on {level}", f"/{level}", b"x")


READING = tuple(_reading())

_FILE = "/instances/{a_instance}"
IMAGES = (
    *(
        _get(f"{view} of an instance{why}", f"{_FILE}/{view}{query}")
        for view in ("tags", "header")
        for why, query in (
            ("", ""),
            (", short", "?short"),
            (", simplified", "?simplify"),
            (", short loses to simplify", "?short&simplify"),
            (", a slash behind", "/"),
        )
    ),
    _get("simplified tags", f"{_FILE}/simplified-tags"),
    _get("simplified tags stay so", f"{_FILE}/simplified-tags?short"),
    _get("long values lifted by number", f"{_FILE}/tags?ignore-length=0020,4000"),
    _get("long values lifted by number without comma", f"{_FILE}/tags?ignore-length=00204000"),
    _get("long values lifted by name", f"{_FILE}/tags?ignore-length=ImageComments"),
    _get("long values lifted, two of them", f"{_FILE}/tags?ignore-length=PatientID,ImageComments"),
    _get(
        "long values lifted in simplified tags", f"{_FILE}/simplified-tags?ignore-length=0020-4000"
    ),
    _get("long values lifted by an unknown name", f"{_FILE}/tags?ignore-length=NoSuchTag"),
    _get("a file", f"{_FILE}/file"),
    _get("a file under another name", f"{_FILE}/file?filename=scan.dcm"),
    _get("a preview", f"{_FILE}/preview"),
    _get("a preview as PNG", f"{_FILE}/preview", ("Accept", "image/png")),
    _get("a preview as anything", f"{_FILE}/preview", ("Accept", "*/*")),
    _get("a preview as an image", f"{_FILE}/preview", ("Accept", "image/*")),
    _get("the frames", f"{_FILE}/frames"),
    _get("a preview of the first frame", f"{_FILE}/frames/0/preview"),
    _get("a preview of a frame there is not", f"{_FILE}/frames/1/preview"),
    _get("a preview of a frame that is no number", f"{_FILE}/frames/x/preview"),
    _get("the frames of an unknown instance", "/instances/{unknown}/frames"),
    _get("a preview as text", f"{_FILE}/preview", ("Accept", "text/plain")),
    *(
        _get(f"{view} of {what}", f"/instances/{identifier}/{view}")
        for view in ("file", "tags", "simplified-tags", "header", "preview")
        for what, identifier in (
            ("an unknown instance", "{unknown}"),
            ("a malformed id", "{malformed}"),
            ("a series", "{a_series}"),
        )
    ),
    *(
        Request(f"{verb} on {view}", verb, f"{_FILE}/{view}")
        for view in ("file", "tags", "preview")
        for verb in ("PUT", "POST", "DELETE")
    ),
)

TOOLS = (
    _get("the time", "/tools/now"),
    _get("the local time", "/tools/now-local"),
    *(
        _get(f"a new {level} id", f"/tools/generate-uid?level={level}")
        for level in ("patient", "study", "series", "instance")
    ),
    _get("a new id of no level", "/tools/generate-uid"),
    _get("a new id of an unknown level", "/tools/generate-uid?level=frame"),
    _get("a new id of a level in capitals", "/tools/generate-uid?level=Study"),
    _post("generate-uid by POST", "/tools/generate-uid", b"study"),
    _post("look up a PatientID", "/tools/lookup", b"PAT-A"),
    _post("look up a PatientID in small letters", "/tools/lookup", b"pat-a"),
    _post("look up a PatientID between blanks", "/tools/lookup", b" PAT-A "),
    _post("look up a study of two patients", "/tools/lookup", b"<a_study_uid>"),
    _post("look up a series", "/tools/lookup", b"<a_series_uid>"),
    _post("look up an instance", "/tools/lookup", b"<a_sop_uid>"),
    _post("look up nothing", "/tools/lookup", b""),
    _post("look up an unknown value", "/tools/lookup", b"no such thing"),
    _post("look up part of a value", "/tools/lookup", b"PAT-"),
    _post("look up a wildcard", "/tools/lookup", b"PAT*"),
    _post("look up as a form", "/tools/lookup", b"PAT-A", ("Content-Type", "text/x-any")),
    _get("look up by GET", "/tools/lookup"),
    _get("the list of tools", "/tools"),
    _get("a tool there is not", "/tools/no-such-tool"),
    Request("PUT on a tool", "PUT", "/tools/now"),
)

ODD = (
    _get("an unknown path", "/no/such/path"),
    _get("an unknown path with a query", "/no/such/path?with=query"),
    _post("POST to an unknown path", "/no/such/path", b"x"),
    Request("PUT to an unknown path", "PUT", "/no/such/path", b"x"),
    Request("DELETE on an unknown path", "DELETE", "/no/such/path"),
    Request("HEAD", "HEAD", "/system"),
    Request("OPTIONS", "OPTIONS", "/system"),
    Request("PATCH", "PATCH", "/system"),
    Request("a verb of WebDAV", "PROPFIND", "/system"),
    Request("a wrong verb", "DELETE", "/system"),
    Request("a wrong verb on statistics", "POST", "/statistics"),
    _get("slashes everywhere", "//system///"),
    _get("an empty query", "/system?"),
    _get("a query of one mark", "/system?&&"),
    _get("_method asks for a wrong verb", "/system?_method=DELETE"),
    _get("_method in small letters", "/system?_method=delete"),
    _get("_method asks for PUT", "/system?_method=PUT"),
    _get("_method that is refused", "/system?_method=POST"),
    _get("_method without a value", "/system?_method="),
    _post("_method counts with GET alone", "/system?_method=DELETE"),
    Request(
        "an override asks for DELETE",
        "POST",
        "/instances/{unknown}",
        headers=(("X-HTTP-Method-Override", "DELETE"),),
    ),
    Request(
        "an override in small letters",
        "GET",
        "/instances/{unknown}",
        headers=(("X-HTTP-Method-Override", "delete"),),
    ),
    Request(
        "an override that is refused",
        "POST",
        "/instances/{unknown}",
        headers=(("X-HTTP-Method-Override", "PATCH"),),
    ),
    _get("an override wins over _method", "/system?_method=no", ("X-HTTP-Method-Override", "PUT")),
    _get("faked DELETE of an unknown study", "/studies/{unknown}?_method=DELETE"),
)


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
    _post("the same again", "/instances", _A.encoded()),
    _post("other bytes under the same UID", "/instances", _A.encoded("Abdomen")),
    _get("the first bytes stay", f"{_FILE}/file"),
    _get("the first tags stay", f"{_FILE}/simplified-tags"),
    _post("an empty body", "/instances"),
    _post("not DICOM", "/instances", b"no image at all"),
    _post("random bytes", "/instances", bytes(n * n % 251 for n in range(100_000))),
    _post("JSON instead of an image", "/instances", b'{"Tags":{}}'),
    _post("a preamble alone", "/instances", _A.encoded()[:132]),
    _post("cut in the meta information", "/instances", _A.encoded()[:200]),
    _post("cut in the data set", "/instances", _X.encoded()[:700]),
    _post("gzip", "/instances", gzip.compress(_X.encoded(), mtime=0), _GZIP),
    _post("gzip without saying so", "/instances", gzip.compress(_Y.encoded(), mtime=0)),
    _post("gzip in name only", "/instances", _Y.encoded(), _GZIP),
    _post("cut gzip", "/instances", gzip.compress(_Y.encoded(), mtime=0)[:-40], _GZIP),
    _post("gzip of nothing", "/instances", gzip.compress(b"", mtime=0), _GZIP),
    _post(
        "a ZIP archive", "/instances", _zip({"a/b/y.dcm": _Y.encoded(), **_JUNK, "x": _X.encoded()})
    ),
    _post("a stored ZIP archive", "/instances", _zip({"y": _Y.encoded()}, zipfile.ZIP_STORED)),
    _post("a ZIP archive of junk", "/instances", _zip(_JUNK)),
    _post("an empty ZIP archive", "/instances", _zip({})),
    _post("a cut ZIP archive", "/instances", _zip({"y": _Y.encoded()})[:-30]),
    _post("an image of a wrong type", "/instances", _Z.encoded(), ("Content-Type", "text/html")),
    _post("a form of two images", "/instances", _form(_A.encoded(), _B.encoded()), _FORM),
    _post("a form with a bad image", "/instances", _form(_A.encoded(), b"junk"), _FORM),
    _post("a form of nothing", "/instances", _form(), _FORM),
    _post(
        "a form without boundary",
        "/instances",
        _form(_A.encoded()),
        ("Content-Type", "multipart/form-data"),
    ),
    _post("a form to a list", "/instances/", _form(_A.encoded()), _FORM),
)

RESENT = (
    _post("upload what storescu sent", "/instances", SENT[0].encoded()),
    _get("what storescu sent stays", f"/instances/{{{SENT[0].name}_instance}}"),
    Request("delete what storescu sent", "DELETE", f"/patients/{{{SENT[0].name}_patient}}"),
    Request("delete the study storescu sent", "DELETE", f"/studies/{{{SENT[2].name}_study}}"),
)

LEFT = (
    _get("what all of it left", "/patients?expand"),
    _get("the instances of it", "/instances"),
    _get("the counts of it", "/statistics"),
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
        yield _get(f"what was deleted: {what}", path)
        yield Request(f"delete again: {what}", "DELETE", path)
        yield _get(f"the patients after: {what}", "/patients?expand")
        yield _get(f"the studies after: {what}", "/studies?expand")
        yield _get(f"the series after: {what}", "/series?expand")
        yield _get(f"the counts after: {what}", "/statistics")
    yield _get("delete by _method", "/patients/{a_patient}?_method=DELETE")
    yield _post("look up what was deleted", "/tools/lookup", b"<a_sop_uid>")
    yield _post("upload again what was deleted", "/instances", _A.encoded())
    yield _get("it is back", "/instances/{a_instance}")
    yield _get("it is the same file", f"{_FILE}/file")


DELETES = tuple(_deleting())
