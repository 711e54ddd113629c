"""The table of requests for pictures and arrays: formats, arguments, frames that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from tests.differential.request import Request, get

_ONE = "/instances/{a_instance}"
_PNG, _JPEG, _PAM = "image/png", "image/jpeg", "image/x-portable-arbitrarymap"

VIEWS = (
    "/rendered?returnUnsupportedImage",
    "/rendered?window-center=40&window-width=400",
    "/rendered?width=7",
    "/rendered?height=150",
    "/rendered?width=3&smooth=1",
    "/image-uint8",
    "/image-uint16",
    "/image-int16",
    "/numpy",
    "/numpy?rescale=0",
    "/matlab",
    "/frames/0/raw",
)
"""What is asked of every file, beside its preview."""

_AS_JPEG = ("Accept", _JPEG)
_ACCEPTED = {
    "JPEG": _JPEG,
    "PAM": _PAM,
    "the first of equals": f"{_JPEG}, {_PNG}",
    "the greater weight": f"{_JPEG};q=0.5, {_PNG};q=0.9",
    "the more specific type": f"*/*, {_JPEG}",
    "the more specific type, whatever its weight": f"image/*, {_JPEG};q=0.1",
    "the more specific range": "image/*;q=0.5, */*;q=0.9",
    "a browser": "image/webp,image/apng,*/*;q=0.8",
    "parameters besides": f"{_JPEG}; level=1; q=0.5",
    "text or JPEG": f"text/html, {_JPEG}",
    "nonsense": "nonsense",
    "PNG refused": f"{_PNG};q=0",
    "a weight that is none": f"{_JPEG};q=abc",
    "capitals": "image/JPEG",
}
_FRAMES = ("0", "00", "+0", "1", "x", "-1", "1.5", "99999999999")
_ARGUMENTS = (
    "width=10&height=7",
    "width=0&height=0",
    "width=+3",
    "width=1",
    "width=x",
    "width=-3",
    "height=2.5",
    "width=3&smooth=true",
    "width=3&smooth=0",
    "width=3&smooth=x",
    "width=10&smooth=1",
    "window-center=abc",
    "window-width=",
    "window-width=0",
    "window-width=-5",
    "window-width=0.5",
    "window-center=1e1",
    "window-center=5",
    "window-width=5",
)


def _pictures() -> Iterator[Request]:
    for what, accept in _ACCEPTED.items():
        for view in ("preview", "image-uint8", "image-uint16"):
            yield get(f"{view}, accepting {what}", f"{_ONE}/{view}", ("Accept", accept))
    for quality in ("1", "100", "0", "101", "x"):
        path = f"{_ONE}/preview?quality={quality}"
        yield get(f"a preview of quality {quality}", path, ("Accept", _JPEG))
    for arguments in _ARGUMENTS:
        yield get(f"rendered with {arguments}", f"{_ONE}/rendered?{arguments}")


def _options() -> Iterator[Request]:
    """Yield each argument of each picture, of an instance and of its first frame."""
    for view in ("preview", "rendered", "image-uint8", "image-uint16", "image-int16"):
        for where in ("", "frames/0/"):
            path = f"{_ONE}/{where}{view}"
            yield get(f"{where}{view} as JPEG of quality 50", f"{path}?quality=50", _AS_JPEG)
            yield get(f"{where}{view}, or a placeholder", f"{path}?returnUnsupportedImage")
    window = "window-center=90&window-width=120"
    for arguments in (window, "width=3", "height=6", "width=3&smooth=1", "height=x"):
        yield get(f"frame 0 rendered with {arguments}", f"{_ONE}/frames/0/rendered?{arguments}")


def _frames() -> Iterator[Request]:
    yield get("the operations", f"{_ONE}/frames/0")
    yield get("the operations of a frame there is not", f"{_ONE}/frames/1")
    for frame in _FRAMES:
        for view in ("rendered", "image-uint8", "raw", "raw.gz", "numpy", "matlab"):
            yield get(f"{view} of frame {frame}", f"{_ONE}/frames/{frame}/{view}")
    for identifier in ("unknown", "malformed"):
        for view in ("rendered", "frames/0/raw", "numpy", "matlab", "frames/0/numpy", "frames/0"):
            yield get(f"{view} of an {identifier} instance", f"/instances/{{{identifier}}}/{view}")
        yield get(f"an array of an {identifier} series", f"/series/{{{identifier}}}/numpy")


def _arrays() -> Iterator[Request]:
    for query in ("compress", "compress=0", "rescale", "rescale=x"):
        yield get(f"an array, {query}", f"{_ONE}/numpy?{query}")
        yield get(f"an array of a frame, {query}", f"{_ONE}/frames/0/numpy?{query}")
        yield get(f"an array of a series, {query}", f"/series/{{a_series}}/numpy?{query}")
    for view in ("rendered", "numpy", "frames/0"):
        yield Request(f"POST on {view}", "POST", f"{_ONE}/{view}")


RENDERING = (*_pictures(), *_options(), *_frames(), *_arrays())
