"""Pictures of instances over REST."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from nephele.domain.orthanc_id import OrthancId
from tests.unit.domain.encoded import test_file
from tests.unit.domain.images import Samples, image_file
from tests.unit.rest.conftest import MR, Client, changed_sample, read_sample

INSTANCE = "/instances/f689ddd2-662f8fe1-8b18180d-ec2a2cee-937917af"
UNKNOWN = OrthancId("00000000-00000000-00000000-00000000-00000000")
PNG, JPEG, PAM = "image/png", "image/jpeg", "image/x-portable-arbitrarymap"
VIEWS = ["preview", "rendered", "image-uint8", "image-uint16", "image-int16"]


@pytest.fixture
def filled(client: Client) -> Client:
    """Return a client of an archive that holds one CT instance."""
    client.post("/instances", content=read_sample())
    return client


def stored(client: Client, encoded: bytes) -> str:
    """Store a file and return the path of its instance."""
    path: str = client.post("/instances", content=encoded).json()["Path"]
    return path


def decoded(body: bytes) -> Samples:
    samples: Samples = imagecodecs.png_decode(body)
    return samples


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("path", ["", "/frames/0", "/frames/00", "/frames/+0"])
def test_picture(filled: Client, path: str, view: str) -> None:
    response = filled.get(f"{INSTANCE}{path}/{view}")
    assert response.headers["content-type"] == PNG
    samples = decoded(response.content)
    assert samples.shape == (128, 128)
    assert samples.dtype == (np.uint16 if "16" in view else np.uint8)


ACCEPTED = {
    "nothing said": ("", PNG),
    "PNG": (PNG, PNG),
    "JPEG": (JPEG, JPEG),
    "PAM": (PAM, PAM),
    "capitals": ("Image/JPEG", JPEG),
    "any image": ("image/*", PNG),
    "anything": ("*/*", PNG),
    "a browser": ("image/webp,image/apng,*/*;q=0.8", PNG),
    "the first of equals": (f"{JPEG}, {PNG}", JPEG),
    "the greater weight": (f"{JPEG};q=0.5, {PNG};q=0.9", PNG),
    "the more specific one": (f"*/*, image/*, {JPEG};q=0.1", JPEG),
    "the more specific range": ("*/*;q=0.9, image/*;q=0.1", PNG),
    "parameters besides": (f"{JPEG};level=1;q=0.5", JPEG),
    "a weight that is none": (f"{JPEG};q=abc", JPEG),
    "PNG refused": (f"{PNG};q=0, */*", JPEG),
    "all but PAM refused": (f"{PNG};q=0, {JPEG};q=0, image/*", PAM),
    "text only": ("text/html", None),
    "images refused": ("image/*;q=0", None),
    "all images refused": ("image/*;q=0, */*", None),
    "everything refused": ("*/*;q=0", None),
    "nonsense": ("nonsense", None),
}


@pytest.mark.parametrize(("accept", "expected"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_format_is_what_the_client_accepts(
    filled: Client, accept: str, expected: str | None
) -> None:
    response = filled.get(f"{INSTANCE}/preview", headers={"Accept": accept})
    if expected is None:
        assert (response.status_code, response.content) == (404, b"")
    else:
        assert (response.status_code, response.headers["content-type"]) == (200, expected)


@pytest.mark.parametrize("view", ["image-uint16", "image-int16"])
def test_jpeg_does_not_hold_16_bits(filled: Client, view: str) -> None:
    refused = filled.get(f"{INSTANCE}/{view}", headers={"Accept": JPEG})
    assert (refused.status_code, refused.content) == (404, b"")
    instead = filled.get(f"{INSTANCE}/{view}", headers={"Accept": f"{JPEG}, {PAM};q=0.1"})
    assert instead.headers["content-type"] == PAM


def test_quality_of_jpeg(filled: Client) -> None:
    sizes = [
        len(filled.get(f"{INSTANCE}/preview{query}", headers={"Accept": JPEG}).content)
        for query in ("?quality=1", "?quality=50", "", "?quality=100")
    ]
    assert sizes == sorted(set(sizes))


def test_window_and_size(client: Client) -> None:
    samples = np.arange(0, 240, 8, dtype=np.uint8).reshape(6, 5)
    path = stored(client, image_file(samples))
    query = "window-center=128&window-width=256&width=3"
    plain = decoded(client.get(f"{path}/rendered?{query}").content)
    assert plain.tolist() == [[0, 15, 31], [79, 95, 111], [119, 135, 151], [199, 215, 231]]
    smooth = decoded(client.get(f"{path}/rendered?{query}&smooth").content)
    assert smooth.tolist() == [[17, 30, 43], [82, 95, 108], [122, 135, 148], [187, 200, 213]]


BAD = {
    "quality": ("preview?quality=high", 5),
    "quality, too low": ("preview?quality=0", 3),
    "quality, too high": ("preview?quality=101", 3),
    "quality, nothing": ("image-uint8?quality=", 5),
    "window-center": ("rendered?window-center=abc", 5),
    "window-center, not finite": ("rendered?window-center=nan", 5),
    "window-center, far too large": ("rendered?window-center=1e999", 5),
    "window-width": ("rendered?window-width=", 5),
    "width": ("rendered?width=x", 5),
    "width, negative": ("rendered?width=-3", 5),
    "width, a fraction": ("rendered?width=2.5", 5),
    "width, far too large": ("rendered?width=999999999", 3),
    "height": ("rendered?height=²", 5),
    "smooth": ("rendered?smooth=x", 3),
}


@pytest.mark.parametrize(("what", "code"), BAD.values(), ids=BAD.keys())
def test_bad_argument_is_named(filled: Client, what: str, code: int) -> None:
    response = filled.get(f"{INSTANCE}/{what}")
    body = response.json()
    name = what.partition("?")[2].partition("=")[0]
    assert (response.status_code, body["OrthancStatus"]) == (400, code)
    assert name in body["Details"]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("frame", ["1", "x", "-1", "²", "1.5", "99999999999999999999"])
def test_frames_that_are_not_there(filled: Client, frame: str, view: str) -> None:
    response = filled.get(f"{INSTANCE}/frames/{frame}/{view}")
    assert (response.status_code, response.content) == (404, b"")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("identifier", [UNKNOWN, "x"])
def test_instances_that_are_not_there(client: Client, identifier: str, view: str) -> None:
    response = client.get(f"/instances/{identifier}/{view}")
    assert (response.status_code, response.content) == (404, b"")


def test_frames(client: Client) -> None:
    path = stored(client, test_file("rtdose.dcm"))
    assert client.get(f"{path}/frames").json() == list(range(15))
    last, first = (client.get(f"{path}/frames/{n}/preview").content for n in (14, 0))
    assert last != first


def test_frames_that_nobody_can_list_are_not_listed(client: Client) -> None:
    path = stored(client, changed_sample(NumberOfFrames="2000000000"))
    assert client.get(f"{path}/frames").status_code == 413


def test_operations(filled: Client) -> None:
    operations = filled.get(f"{INSTANCE}/frames/0").json()
    assert operations == sorted([*VIEWS, "matlab", "numpy", "raw", "raw.gz"])
    for operation in operations:
        assert filled.get(f"{INSTANCE}/frames/0/{operation}").status_code == 200
    assert filled.get(f"{INSTANCE}/frames/1").status_code == 404
    assert filled.get(f"/instances/{UNKNOWN}/frames/0").status_code == 404


UNSUPPORTED = {
    "no pixels": changed_sample(MR, PixelData=None, SOPInstanceUID="1.2.3"),  # type: ignore[arg-type]
    "too few": image_file(np.zeros((2, 2), np.uint8), Rows=100),
    "an unknown kind of colours": image_file(np.zeros((2, 2), np.uint8), "NONSENSE"),
}


@pytest.mark.parametrize("encoded", UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_what_cannot_be_rendered(client: Client, encoded: bytes) -> None:
    path = stored(client, encoded)
    for query in ("", "?returnUnsupportedImage=false", "?returnUnsupportedImage=0"):
        response = client.get(f"{path}/preview{query}")
        assert (response.status_code, response.content) == (415, b"")
    for query in ("?returnUnsupportedImage", "?returnUnsupportedImage=true"):
        for place, depth in (("", 2), ("/frames/0", 4)):
            response = client.get(f"{path}{place}/rendered{query}")
            assert response.status_code == 301
            assert response.headers["location"] == "../" * depth + "app/images/unsupported.png"


def test_colors_are_not_one_value(client: Client) -> None:
    path = stored(client, test_file("SC_rgb_small_odd.dcm"))
    assert client.get(f"{path}/image-uint8").status_code == 415
    assert client.get(f"{path}/preview").status_code == 200


def test_redirect_leads_to_a_picture(client: Client) -> None:
    response = client.get("/app/images/unsupported.png")
    assert response.headers["content-type"] == PNG
    assert decoded(response.content).shape == (256, 256)
