"""The table of requests that change nothing: what both servers are asked, and why."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from tests.differential.request import LEVEL_NAMES, LEVELS, Request, get, post


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
    get("the system", "/system"),
    get("counts of an empty archive", "/statistics"),
    *(get(f"an empty list of {level}", f"/{level}") for level in LEVELS),
    *(get(f"an empty expanded list of {level}", f"/{level}?expand") for level in LEVELS),
    get("an empty change log", "/changes"),
    get("the last of an empty change log", "/changes?last"),
    post("nothing to find", "/tools/lookup", b"PAT-A"),
)

CHANGES = (
    get("all changes", "/changes"),
    get("the first page", "/changes?limit=4"),
    get("the next page", "/changes?since=4&limit=4"),
    get("one change", "/changes?since=7&limit=1"),
    get("since without a limit", "/changes?since=10"),
    get("a page beyond the end", "/changes?since=1000&limit=4"),
    get("the last page exactly", "/changes?since=16&limit=2"),
    get("the latest change", "/changes?last"),
    get("the latest change, whatever else", "/changes?last&since=3&limit=1"),
    get("no limit", "/changes?limit=0"),
    get("a limit that is no number", "/changes?since=2&limit=abc"),
    get("a start that is no number", "/changes?since=abc&limit=2"),
    get("a negative start", "/changes?since=-1&limit=2"),
    get("a cache buster", "/changes?since=2&limit=2&_=1700000000"),
    post("changes by POST", "/changes"),
    Request("changes by PUT", "PUT", "/changes"),
)


def _reading() -> Iterator[Request]:
    yield get("counts", "/statistics")
    for level in LEVELS:
        yield from _reading_list(level)
    for name in ("a", "missing", "doubled", "b", "full", "outside"):
        for level, one in LEVEL_NAMES.items():
            yield get(f"one {one}: {name}", f"/{level}/{{{name}_{one}}}")
    for position, level in enumerate(LEVELS):
        yield from _reading_family(level, LEVELS[:position], LEVELS[position + 1 :])
        yield from _reading_errors(level)


def _reading_list(level: str) -> Iterator[Request]:
    yield get(f"list {level}", f"/{level}")
    yield get(f"list {level}, a slash behind", f"/{level}/")
    yield get(f"list {level}, doubled slashes", f"//{level}//")
    yield get(f"list {level}, a cache buster", f"/{level}?_=1700000000")
    yield get(f"list {level}, expand without value", f"/{level}?expand")
    yield get(f"list {level}, expand=", f"/{level}?expand=")
    yield get(f"list {level}, expand=1", f"/{level}?expand=1")
    yield get(f"list {level}, expand=true", f"/{level}?expand=true")
    yield get(f"list {level}, expand=0", f"/{level}?expand=0")
    yield get(f"list {level}, expand=false", f"/{level}?expand=false")
    yield get(f"list {level}, expand=maybe", f"/{level}?expand=maybe")
    yield get(f"list {level}, short", f"/{level}?expand&short")
    yield get(f"list {level}, full", f"/{level}?expand&full")
    yield get(f"list {level}, simplify wins", f"/{level}?expand&full&short&simplify")
    yield get(f"list {level}, all on one page", f"/{level}?since=0&limit=1000")
    yield get(f"list {level}, an expanded page", f"/{level}?since=0&limit=1000&expand")
    yield get(f"list {level}, since without limit", f"/{level}?since=0")
    yield get(f"list {level}, limit without since", f"/{level}?limit=1")
    yield get(f"list {level}, since is no number", f"/{level}?since=a&limit=1")
    yield get(f"list {level}, limit is no number", f"/{level}?since=0&limit=b")
    yield get(f"list {level}, negative since", f"/{level}?since=-1&limit=1000")
    yield get(f"list {level}, a page beyond the end", f"/{level}?since=1000&limit=5")
    yield get(f"list {level}, XML is not needed", f"/{level}", ("Accept", "application/json"))


def _reading_family(
    level: str, above: tuple[str, ...], below: tuple[str, ...]
) -> Iterator[Request]:
    one = LEVEL_NAMES[level]
    path = f"/{level}/{{a_{one}}}"
    for form in ("short", "full", "simplify"):
        yield get(f"one {one}, {form}", f"{path}?{form}")
    yield get(f"one {one}, a slash behind", f"{path}/")
    yield get(f"one {one}, doubled slashes", f"//{level}//{{a_{one}}}")
    yield get(f"one {one}, requested tags", f"{path}?requestedTags=PatientName;0008,0060")
    yield get(f"statistics of one {one}", f"{path}/statistics")
    for child in below:
        yield get(f"{child} of one {one}", f"{path}/{child}")
        yield get(f"{child} of one {one}, short", f"{path}/{child}?short")
        yield get(f"{child} of one {one}, expand", f"{path}/{child}?expand")
        yield get(f"{child} of one {one}, expand=false", f"{path}/{child}?expand=false")
        yield get(f"{child} of an unknown {one}", f"/{level}/{{unknown}}/{child}")
    for ancestor in above:
        parent = LEVEL_NAMES[ancestor]
        yield get(f"the {parent} of one {one}", f"{path}/{parent}")
        yield get(f"the {parent} of one {one}, full", f"{path}/{parent}?full")
        yield get(f"the {parent} of an unknown {one}", f"/{level}/{{unknown}}/{parent}")


def _reading_errors(level: str) -> Iterator[Request]:
    one = LEVEL_NAMES[level]
    other = next(name for name in LEVEL_NAMES.values() if name != one)
    yield get(f"an unknown {one}", f"/{level}/{{unknown}}")
    yield get(f"a malformed id of a {one}", f"/{level}/{{malformed}}")
    yield get(f"a {one} that is a {other}", f"/{level}/{{a_{other}}}")
    yield get(f"statistics of an unknown {one}", f"/{level}/{{unknown}}/statistics")
    yield get(f"an unknown path beneath a {one}", f"/{level}/{{a_{one}}}/no-such-thing")
    yield Request(f"PUT on a {one}", "PUT", f"/{level}/{{a_{one}}}")
    yield Request(f"POST on a {one}", "POST", f"/{level}/{{a_{one}}}")
    yield Request(f"PUT on {level}", "PUT", f"/{level}")
    yield Request(f"DELETE on {level}", "DELETE", f"/{level}")
    if one != "instance":
        yield post(f"POST on {level}", f"/{level}", b"x")


READING = tuple(_reading())

_FILE = "/instances/{a_instance}"
IMAGES = (
    *(
        get(f"{view} of an instance{why}", f"{_FILE}/{view}{query}")
        for view in ("tags", "header")
        for why, query in (
            ("", ""),
            (", short", "?short"),
            (", simplified", "?simplify"),
            (", short loses to simplify", "?short&simplify"),
            (", a slash behind", "/"),
        )
    ),
    get("simplified tags", f"{_FILE}/simplified-tags"),
    get("simplified tags stay so", f"{_FILE}/simplified-tags?short"),
    get("long values lifted by number", f"{_FILE}/tags?ignore-length=0020,4000"),
    get("long values lifted by number without comma", f"{_FILE}/tags?ignore-length=00204000"),
    get("long values lifted by name", f"{_FILE}/tags?ignore-length=ImageComments"),
    get("long values lifted, two of them", f"{_FILE}/tags?ignore-length=PatientID,ImageComments"),
    get(
        "long values lifted in simplified tags", f"{_FILE}/simplified-tags?ignore-length=0020-4000"
    ),
    get("long values lifted by an unknown name", f"{_FILE}/tags?ignore-length=NoSuchTag"),
    get("a file", f"{_FILE}/file"),
    get("a file under another name", f"{_FILE}/file?filename=scan.dcm"),
    get("a file as JSON", f"{_FILE}/file", ("Accept", "application/dicom+json")),
    get("a file as XML", f"{_FILE}/file", ("Accept", "application/dicom+xml")),
    get("a file as any JSON", f"{_FILE}/file", ("Accept", "application/json")),
    get("a file as anything", f"{_FILE}/file", ("Accept", "*/*")),
    get(
        "a file as JSON is not transcoded",
        f"{_FILE}/file?transcode=none&filename=x",
        ("Accept", "application/dicom+json"),
    ),
    get("a file as JSON, by weight", f"{_FILE}/file", ("Accept", "application/dicom+json;q=0.5")),
    get("no file as JSON", "/instances/{unknown}/file", ("Accept", "application/dicom+json")),
    get("a preview", f"{_FILE}/preview"),
    get("a preview as PNG", f"{_FILE}/preview", ("Accept", "image/png")),
    get("a preview as anything", f"{_FILE}/preview", ("Accept", "*/*")),
    get("a preview as an image", f"{_FILE}/preview", ("Accept", "image/*")),
    get("the frames", f"{_FILE}/frames"),
    get("a preview of the first frame", f"{_FILE}/frames/0/preview"),
    get("a preview of a frame there is not", f"{_FILE}/frames/1/preview"),
    get("a preview of a frame that is no number", f"{_FILE}/frames/x/preview"),
    get("the frames of an unknown instance", "/instances/{unknown}/frames"),
    get("a preview as text", f"{_FILE}/preview", ("Accept", "text/plain")),
    *(
        get(f"{view} of {what}", f"/instances/{identifier}/{view}")
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
    get("the time", "/tools/now"),
    get("the local time", "/tools/now-local"),
    *(
        get(f"a new {level} id", f"/tools/generate-uid?level={level}")
        for level in ("patient", "study", "series", "instance")
    ),
    get("a new id of no level", "/tools/generate-uid"),
    get("a new id of an unknown level", "/tools/generate-uid?level=frame"),
    get("a new id of a level in capitals", "/tools/generate-uid?level=Study"),
    post("generate-uid by POST", "/tools/generate-uid", b"study"),
    post("look up a PatientID", "/tools/lookup", b"PAT-A"),
    post("look up a PatientID in small letters", "/tools/lookup", b"pat-a"),
    post("look up a PatientID between blanks", "/tools/lookup", b" PAT-A "),
    post("look up a study of two patients", "/tools/lookup", b"<a_study_uid>"),
    post("look up a series", "/tools/lookup", b"<a_series_uid>"),
    post("look up an instance", "/tools/lookup", b"<a_sop_uid>"),
    post("look up nothing", "/tools/lookup", b""),
    post("look up an unknown value", "/tools/lookup", b"no such thing"),
    post("look up part of a value", "/tools/lookup", b"PAT-"),
    post("look up an accession number", "/tools/lookup", b"ACC1"),
    post("look up a wildcard", "/tools/lookup", b"PAT*"),
    post("look up as a form", "/tools/lookup", b"PAT-A", ("Content-Type", "text/x-any")),
    get("look up by GET", "/tools/lookup"),
    get("the list of tools", "/tools"),
    get("a tool there is not", "/tools/no-such-tool"),
    Request("PUT on a tool", "PUT", "/tools/now"),
)

ODD = (
    get("an unknown path", "/no/such/path"),
    get("an unknown path with a query", "/no/such/path?with=query"),
    post("POST to an unknown path", "/no/such/path", b"x"),
    Request("PUT to an unknown path", "PUT", "/no/such/path", b"x"),
    Request("DELETE on an unknown path", "DELETE", "/no/such/path"),
    Request("HEAD", "HEAD", "/system"),
    Request("OPTIONS", "OPTIONS", "/system"),
    Request("PATCH", "PATCH", "/system"),
    Request("a verb of WebDAV", "PROPFIND", "/system"),
    Request("a wrong verb", "DELETE", "/system"),
    Request("a wrong verb on statistics", "POST", "/statistics"),
    get("slashes everywhere", "//system///"),
    get("an empty query", "/system?"),
    get("a query of one mark", "/system?&&"),
    get("_method asks for a wrong verb", "/system?_method=DELETE"),
    get("_method in small letters", "/system?_method=delete"),
    get("_method asks for PUT", "/system?_method=PUT"),
    get("_method that is refused", "/system?_method=POST"),
    get("_method without a value", "/system?_method="),
    post("_method counts with GET alone", "/system?_method=DELETE"),
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
    get("an override wins over _method", "/system?_method=no", ("X-HTTP-Method-Override", "PUT")),
    get("faked DELETE of an unknown study", "/studies/{unknown}?_method=DELETE"),
)
