"""Frames as numbers over REST."""

from __future__ import annotations

import gzip
import io
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from nephele.rest.limits import Limits
from nephele.services import render
from tests.unit.domain.encoded import test_file
from tests.unit.domain.images import Samples, image_file, noise
from tests.unit.domain.pictures import changed
from tests.unit.rest.conftest import Client, Connect, read_sample
from tests.unit.rest.test_rendered import UNKNOWN, stored


def loaded(body: bytes) -> Any:
    """Return the array of a file, the only one of an archive."""
    found = np.load(io.BytesIO(body))
    return found["arr_0"] if body.startswith(b"PK") else found


def test_array_of_an_instance(client: Client) -> None:
    path = stored(client, read_sample())
    dataset = dcmread(io.BytesIO(read_sample()))
    for query, expected in (
        ("", dataset.pixel_array.astype("<f4") + float(dataset.RescaleIntercept)),
        ("?rescale=0", dataset.pixel_array),
    ):
        response = client.get(f"{path}/numpy{query}")
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["content-length"] == str(len(response.content))
        array = loaded(response.content)
        assert (array.shape, array.dtype) == ((1, 128, 128, 1), expected.dtype)
        assert np.array_equal(array[0, ..., 0], expected)


@pytest.mark.parametrize("query", ["compress", "compress=true", "compress&rescale=false"])
def test_compressed_array(client: Client, query: str) -> None:
    path = stored(client, read_sample())
    plain = client.get(f"{path}/numpy?{query.partition('&')[2]}")
    response = client.get(f"{path}/numpy?{query}")
    assert response.content.startswith(b"PK")
    assert np.array_equal(loaded(response.content), loaded(plain.content))


def test_array_of_a_frame(client: Client) -> None:
    encoded = test_file("rtdose.dcm")
    path = stored(client, encoded)
    array = loaded(client.get(f"{path}/frames/7/numpy?rescale=0").content)
    assert np.array_equal(array[..., 0], dcmread(io.BytesIO(encoded)).pixel_array[7])
    assert loaded(client.get(f"{path}/numpy").content).shape == (15, 10, 10, 1)


def _slice(number: int, samples: Samples, z: float | None = None, **attributes: Any) -> bytes:
    if z is not None:
        attributes["ImagePositionPatient"] = [0, 0, z]
        attributes["ImageOrientationPatient"] = [1, 0, 0, 0, 1, 0]
    return image_file(
        samples, SOPInstanceUID=f"1.2.3.{number}", InstanceNumber=str(number), **attributes
    )


def _series(client: Client, *files: bytes) -> str:
    answers = [client.post("/instances", content=file).json() for file in files]
    return f"/series/{answers[0]['ParentSeries']}"


def test_array_of_a_series_is_in_the_order_of_its_slices(client: Client) -> None:
    slices = noise((20, 4, 5), 8)
    places = np.random.default_rng(1).permutation(20)
    files = [_slice(n, slices[n], float(-places[n])) for n in range(20)]
    path = _series(client, *files)
    array = loaded(client.get(f"{path}/numpy?rescale=false").content)
    assert array.shape == (20, 4, 5, 1)
    assert np.array_equal(array[..., 0], slices[np.argsort(-places)])


def test_array_of_a_series_of_many_frames(client: Client) -> None:
    frames = noise((3, 4, 5), 8)
    path = _series(client, _slice(2, frames, frames=3), _slice(1, frames[::-1].copy(), frames=3))
    array = loaded(client.get(f"{path}/numpy?rescale=false").content)
    assert np.array_equal(array[..., 0], np.concatenate([frames[::-1], frames]))


DIFFERENT = {
    "another size": np.zeros((4, 6), np.uint16),
    "another type": np.zeros((4, 5), np.int16),
}


@pytest.mark.parametrize("other", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_series_of_different_images_is_no_array(client: Client, other: Samples) -> None:
    path = _series(client, _slice(1, np.zeros((4, 5), np.uint16)), _slice(2, other))
    response = client.get(f"{path}/numpy?rescale=0")
    assert (response.status_code, response.json()["OrthancStatus"]) == (400, 23)


def test_series_without_an_order_is_no_array(client: Client) -> None:
    zeros = np.zeros((4, 5), np.uint16)
    path = _series(
        client, _slice(1, zeros), _slice(2, zeros).replace(b"IS\x02\x002 ", b"IS\x02\x00x ")
    )
    response = client.get(f"{path}/numpy")
    assert (response.status_code, response.json()["OrthancStatus"]) == (400, 2040)


def test_large_files_are_read_frame_by_frame(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(client, test_file("rtdose.dcm"))
    whole = client.get(f"{path}/numpy?rescale=0").content
    picture = client.get(f"{path}/frames/14/preview").content
    monkeypatch.setattr(render, "_READ_WHOLE_BYTES", 0)
    monkeypatch.setattr(render, "_READ_FOR_ARRAYS_BYTES", 0)
    assert client.get(f"{path}/numpy?rescale=0").content == whole
    assert client.get(f"{path}/frames/14/preview").content == picture


def test_large_array_is_handed_over(connect: Connect) -> None:
    client = connect(Limits(answer_bytes=50_000))
    path = stored(client, read_sample())
    response = client.get(f"{path}/numpy")
    assert response.status_code == 307
    assert response.headers["location"].startswith("/blobs/derived/answers/")
    assert response.headers["cache-control"] == "no-store"
    assert client.get(f"{path}/numpy?rescale=0").status_code == 200


def test_array_that_no_answer_carries_is_refused(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nephele.rest.array_files.LAMBDA_ARRAY_BYTES", 40_000)
    client = connect(Limits(answer_bytes=30_000))
    path = stored(client, read_sample())
    response = client.get(f"{path}/numpy")
    assert response.status_code == 413
    assert "40000" in response.json()["Details"]
    unlimited = connect()
    assert unlimited.get(f"{path}/numpy").status_code == 200


def test_raw_frame(client: Client) -> None:
    path = stored(client, read_sample())
    pixels = dcmread(io.BytesIO(read_sample())).PixelData
    raw, compressed = (client.get(f"{path}/frames/0/{name}") for name in ("raw", "raw.gz"))
    assert raw.content == gzip.decompress(compressed.content) == pixels
    assert raw.headers["content-type"] == "application/octet-stream"
    assert compressed.headers["content-type"] == "application/gzip"


RAW_TYPES = {
    "SC_rgb_jpeg_dcmtk.dcm": "image/jpeg",
    "JPEG2000.dcm": "image/jp2",
    "MR_small_jp2klossless.dcm": "image/jp2",
    "JPGExtended.dcm": "application/octet-stream",
    "MR_small_RLE.dcm": "application/octet-stream",
    "MR_small_jpeg_ls_lossless.dcm": "application/octet-stream",
    "image_dfl.dcm": "application/octet-stream",
}


@pytest.mark.parametrize(("name", "media_type"), RAW_TYPES.items(), ids=RAW_TYPES.keys())
def test_type_of_a_raw_frame(client: Client, name: str, media_type: str) -> None:
    response = client.get(f"{stored(client, test_file(name))}/frames/0/raw")
    assert (response.status_code, response.headers["content-type"]) == (200, media_type)


def test_matlab(client: Client) -> None:
    path = stored(client, image_file(np.array([[1, 2], [3, 4]], np.uint8)))
    for place in ("", "/frames/0"):
        response = client.get(f"{path}{place}/matlab")
        assert response.headers["content-type"] == "text/plain"
        assert response.text == "double([ 1 2 ; 3 4 ])"


REFUSED = {
    "raw, a frame there is not": ("/frames/1/raw", 400, 3),
    "raw, compressed, a frame there is not": ("/frames/1/raw.gz", 400, 3),
    "matlab, a frame there is not": ("/frames/1/matlab", 400, 3),
    "numpy, a frame there is not": ("/frames/1/numpy", 400, 3),
    "numpy, a frame that is no number": ("/frames/x/numpy", 400, 3),
    "raw, a frame that is no number": ("/frames/x/raw", 404, None),
    "matlab, a frame that is no number": ("/frames/x/matlab", 404, None),
    "numpy, a flag that is none": ("/numpy?rescale=maybe", 400, 3),
}


@pytest.mark.parametrize(("path", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(client: Client, path: str, status: int, code: int | None) -> None:
    response = client.get(stored(client, read_sample()) + path)
    assert response.status_code == status
    if code is None:
        assert response.content == b""
    else:
        assert response.json()["OrthancStatus"] == code


def test_no_pixels(client: Client) -> None:
    path = stored(client, changed(read_sample(), lambda dataset: delattr(dataset, "PixelData")))
    response = client.get(f"{path}/frames/0/raw")
    assert (response.status_code, response.json()["OrthancStatus"]) == (400, 8)
    for name in ("numpy", "matlab", "frames/0/numpy"):
        assert client.get(f"{path}/{name}").status_code == 415


@pytest.mark.parametrize(
    "path",
    ["instances/{}/frames/0/raw", "instances/{}/numpy", "instances/{}/matlab", "series/{}/numpy"],
)
def test_unknown(client: Client, path: str) -> None:
    response = client.get("/" + path.format(UNKNOWN))
    assert (response.status_code, response.json()["OrthancStatus"]) == (404, 17)
