"""Numbers that no computer wants, wherever a request may have one: never a 5xx."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import dcmread

from tests.unit.rest.conftest import Client, changed_sample, read_sample

HUGE = "9" * 5000
PADDED = "0" * 9 + "7"
INSTANCE = "/instances/{instance}"


@pytest.fixture
def instance(client: Client) -> str:
    identifier: str = client.post("/instances", content=read_sample("rtplan.dcm")).json()["ID"]
    return identifier


@pytest.mark.parametrize("number", [HUGE, f"-{HUGE}", PADDED, "²", "1e5", "٣"])
@pytest.mark.parametrize(
    "path",
    [
        "/instances?since={number}&limit=1",
        "/instances?since=0&limit={number}",
        "/changes?since={number}",
        "/changes?to={number}",
        "/exports?limit={number}",
        "/refused-associations?limit={number}",
        f"{INSTANCE}/metadata/{{number}}",
        f"{INSTANCE}/attachments/{{number}}",
        f"{INSTANCE}/content/300a-00b0/{{number}}",
        f"{INSTANCE}/content/300a-00b0/{{number}}/300a-00c0",
        f"{INSTANCE}/content/7fe0-0010/{{number}}",
        f"{INSTANCE}/frames/{{number}}/preview",
        f"{INSTANCE}/frames/{{number}}/raw",
        f"{INSTANCE}/frames/{{number}}/numpy",
        f"{INSTANCE}/preview?quality={{number}}",
        f"{INSTANCE}/rendered?width={{number}}",
        f"{INSTANCE}/rendered?window-width={{number}}",
        f"{INSTANCE}/file?transcode=1.2.840.10008.1.2.4.50&lossy-quality={{number}}",
        "/queries/1/answers/{number}",
    ],
)
def test_in_urls(client: Client, instance: str, path: str, number: str) -> None:
    answer = client.get(path.format(instance=instance, number=number))
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("number", [HUGE, PADDED])
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Range", "bytes={}-"),
        ("Range", "bytes=0-{}"),
        ("Range", "bytes=-{}"),
        ("If-None-Match", '"{}-0"'),
    ],
)
def test_in_headers(client: Client, instance: str, header: str, value: str, number: str) -> None:
    url = f"/instances/{instance}/attachments/dicom/data"
    answer = client.get(url, headers={header: value.format(number)})
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "keyword",
    ["NumberOfFrames", "InstanceNumber", "ImagesInAcquisition", "NumberOfTemporalPositions"],
)
def test_in_files(client: Client, keyword: str) -> None:
    marker = "7" * 12
    content = changed_sample(SOPInstanceUID="1.2.3.4", **{keyword: marker})
    dataset = dcmread(BytesIO(content))
    element = dataset.data_element(keyword)
    assert element is not None
    with_length = element.tag.group.to_bytes(2, "little") + element.tag.element.to_bytes(
        2, "little"
    )
    start = content.index(with_length + b"IS")
    head, rest = content[: start + 6], content[start + 8 + len(marker) :]
    absurd = head + (5000).to_bytes(2, "little") + b"7" * 5000 + rest
    stored = client.post("/instances", content=absurd).json()
    assert stored["Status"] == "Success"
    for path in ("", "/tags", "/frames", "/preview", "/metadata?expand", "/frames/0/raw", "/numpy"):
        answer = client.get(f"/instances/{stored['ID']}{path}")
        assert answer.status_code < 500, (path, answer.text)
    for path in ("", "/ordered-slices", "/metadata?expand", "/numpy", "/archive"):
        answer = client.get(f"/series/{stored['ParentSeries']}{path}")
        assert answer.status_code < 500, (path, answer.text)
    for order in ("DicomTagAsInt", "DicomTagAsFloat"):
        by = {"Type": order, "Key": keyword, "Direction": "ASC"}
        body = {"Level": "Instance", "Query": {}, "OrderBy": [by], "Expand": True}
        assert client.post("/tools/find", json=body).status_code < 500
