"""Archives and media beside Orthanc's: answers, names of files, their bytes, the DICOMDIR."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import httpx
import imagecodecs
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity
from tests.differential.report import Report
from tests.differential.server import Server, open_client

_UTF8_PATIENT = (
    "M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller^J\N{LATIN SMALL LETTER O WITH DIAERESIS}rg"
)
_COMMON = {"PatientID": "ARC1", "PatientName": "Doe^Jane", "SpecificCharacterSet": "ISO_IR 100"}
_INSTANCES: tuple[dict[str, object], ...] = (
    {"Study": 1, "Series": 1, "Instance": 1, "InstanceNumber": 3},
    {"Study": 1, "Series": 1, "Instance": 2, "InstanceNumber": 1},
    {"Study": 1, "Series": 1, "Instance": 3, "InstanceNumber": 2},
    {"Study": 1, "Series": 2, "Instance": 1, "InstanceNumber": 1, "SeriesDescription": "b"},
    {"Study": 1, "Series": 3, "Instance": 1, "InstanceNumber": 1, "SeriesDescription": "b"},
    {"Study": 1, "Series": 4, "Instance": 1, "InstanceNumber": 1, "Modality": "M"},
    {"Study": 1, "Series": 5, "Instance": 1, "InstanceNumber": 1, "Modality": ""},
    {"Study": 2, "Series": 1, "Instance": 1, "InstanceNumber": 7, "StudyDescription": "a/b: c"},
    {
        "Study": 3,
        "Series": 1,
        "Instance": 1,
        "InstanceNumber": 1,
        "PatientID": "",
        "PatientName": "^^",
        "AccessionNumber": "",
        "StudyDescription": "",
        "SeriesDescription": "",
        "Modality": "",
    },
    {"Study": 4, "Series": 1, "Instance": 1, "InstanceNumber": 1, "PatientName": _UTF8_PATIENT},
)


@dataclass(frozen=True, slots=True)
class Answers:
    """What both servers answered to one request."""

    orthanc: httpx.Response
    nephele: httpx.Response

    def zips(self) -> list[dict[str, bytes]]:
        """Return the members of both ZIPs."""
        return [_members(one) for one in (self.orthanc, self.nephele)]


def _members(answer: httpx.Response) -> dict[str, bytes]:
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


class Both:
    """Clients of both servers, which hold the same instances."""

    def __init__(self, orthanc: httpx.Client, nephele: httpx.Client) -> None:
        self._clients = (orthanc, nephele)

    def ask(self, method: str, path: str, body: object = None) -> Answers:
        """Send a request to both; redirects are followed."""
        content = None if body is None else json.dumps(body).encode()

        def send(client: httpx.Client) -> httpx.Response:
            answer = client.request(method, path, content=content)
            while answer.is_redirect:
                answer = client.get(answer.headers["location"])
            return answer

        with ThreadPoolExecutor(2) as pool:
            return Answers(*pool.map(send, self._clients))

    def upload(self, content: bytes) -> None:
        """Store an instance."""
        for client in self._clients:
            client.post("/instances", content=content).raise_for_status()

    def delete(self, study: str) -> None:
        """Remove a study."""
        for client in self._clients:
            client.delete(f"/studies/{study}")


def _file(values: dict[str, object]) -> bytes:
    study, series, instance = (values[name] for name in ("Study", "Series", "Instance"))
    dataset = pydicom.dcmread(str(get_testdata_file("CT_small.dcm", download=False)))
    own = {name: value for name, value in values.items() if name not in _PLACES}
    for keyword, value in {**_COMMON, **_described(), **own}.items():
        setattr(dataset, keyword, value)
    dataset.StudyInstanceUID = f"1.2.826.77.{study}"
    dataset.SeriesInstanceUID = f"1.2.826.77.{study}.{series}"
    dataset.SOPInstanceUID = f"1.2.826.77.{study}.{series}.{instance}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


_PLACES = ("Study", "Series", "Instance")


def _described() -> dict[str, object]:
    return {"AccessionNumber": "ACC", "StudyDescription": "Head", "SeriesDescription": "axial"}


def _identity(values: dict[str, object]) -> Identity:
    data_set = pydicom.dcmread(io.BytesIO(_file(values)))
    return Identity(
        str(data_set.PatientID),
        data_set.StudyInstanceUID,
        data_set.SeriesInstanceUID,
        data_set.SOPInstanceUID,
    )


_IDS = {
    f"{level.value.lower()}{values['Study']}{values['Series']}": _identity(values).orthanc_id(level)
    for values in reversed(_INSTANCES)
    for level in Level
}
"""Ids by level, study and series; of an instance the first one's."""


@pytest.fixture(scope="module")
def both(found: Report, orthanc: Server, nephele: Server) -> Iterator[Both]:
    """Store the same instances in both servers, after all else was asked of them."""
    with open_client(orthanc) as one, open_client(nephele) as other:
        servers = Both(one, other)
        for values in _INSTANCES:
            servers.upload(_file(values))
        yield servers
        for study in {_identity(values).orthanc_id(Level.STUDY) for values in _INSTANCES}:
            servers.delete(study)


_IMPLICIT = "1.2.840.10008.1.2"
_AS_IMPLICIT = f"transcode={_IMPLICIT}"
_IN_CALL = {"Synchronous": True, "Priority": 3}
_EXTENDED = {**_IN_CALL, "Extended": True, "Transcode": _IMPLICIT}
ALIKE = {
    "a patient": ("GET", "/patients/{patient11}/archive", None),
    "a study": ("GET", "/studies/{study11}/archive", None),
    "a series": ("GET", "/series/{series12}/archive", None),
    "a study without values": ("GET", "/studies/{study31}/archive", None),
    "a study by POST": ("POST", "/studies/{study11}/archive", {}),
    "a study by POST of an array": ("POST", "/studies/{study11}/archive", []),
    "a file name": ("GET", "/studies/{study11}/archive?filename=x", None),
    "a batch": ("POST", "/tools/create-archive", ["{series11}", "{study11}", "{instance14}"]),
    "a batch of patients": (
        "POST",
        "/tools/create-archive",
        {"Resources": ["{patient11}", "{patient31}"], "Synchronous": True},
    ),
    "an empty batch": ("POST", "/tools/create-archive", []),
    "media of a study": ("GET", "/studies/{study11}/media", None),
    "media of a series by POST": ("POST", "/series/{series11}/media", {}),
    "media of a batch": ("POST", "/tools/create-media", ["{study11}", "{study31}"]),
    "extended media of a batch": ("POST", "/tools/create-media-extended", ["{study11}"]),
    "a patient by POST": ("POST", "/patients/{patient11}/archive", _IN_CALL),
    "a patient in another syntax": ("GET", f"/patients/{{patient11}}/archive?{_AS_IMPLICIT}", None),
    "a series in another syntax": ("GET", f"/series/{{series11}}/archive?{_AS_IMPLICIT}", None),
    "media of a patient": ("GET", f"/patients/{{patient11}}/media?{_AS_IMPLICIT}", None),
    "extended media of a patient": ("GET", "/patients/{patient11}/media?extended", None),
    "media of a study in another syntax": (
        "GET",
        f"/studies/{{study11}}/media?{_AS_IMPLICIT}",
        None,
    ),
    "extended media of a study": ("GET", "/studies/{study11}/media?extended", None),
    "media of a series": ("GET", f"/series/{{series11}}/media?{_AS_IMPLICIT}", None),
    "extended media of a series": ("GET", "/series/{series11}/media?extended", None),
    "extended media of a patient by POST": ("POST", "/patients/{patient11}/media", _EXTENDED),
    "extended media of a study by POST": ("POST", "/studies/{study11}/media", _EXTENDED),
    "extended media of a series by POST": ("POST", "/series/{series11}/media", _EXTENDED),
    "a batch in another syntax": (
        "POST",
        "/tools/create-archive",
        {**_IN_CALL, "Resources": ["{study11}"], "Transcode": _IMPLICIT},
    ),
    "media of a batch, extended": (
        "POST",
        "/tools/create-media",
        {**_EXTENDED, "Resources": ["{study11}"]},
    ),
    "extended media of a batch that need not be": (
        "POST",
        "/tools/create-media-extended",
        {**_EXTENDED, "Resources": ["{study11}"], "Extended": False},
    ),
    "a study in JPEG Lossless": (
        "GET",
        "/studies/{study11}/archive?transcode=1.2.840.10008.1.2.4.70",
        None,
    ),
    "a study in what cannot hold it": (
        "POST",
        "/studies/{study11}/archive",
        {**_IN_CALL, "Transcode": "1.2.840.10008.1.2.4.50"},
    ),
}


def _filled(value: object) -> object:
    """Return a body with ids in the place of their names."""
    if isinstance(value, str):
        return value.format_map(_IDS)
    if isinstance(value, list):
        return [_filled(one) for one in value]
    if isinstance(value, dict):
        return {name: _filled(one) for name, one in value.items()}
    return value


_FOLDERS = {
    "ARC1 Doe^Jane": "ARC1 Doe Jane",
    "ACC a b c": "ACC ab c",
    "Unknown Patient": "",
    "Unknown Series": "",
}
"""Names as 1.12 has them, and as 1.10.1, which leaves signs out and lets names be empty."""


def _as_older(name: str) -> str:
    """Return a name as 1.10.1 has it; it counts files, where 1.12 takes IndexInSeries."""
    *folders, file = name.split("/")
    older = (_FOLDERS.get(folder, folder) for folder in folders)
    return "/".join((*older, re.sub("[0-9]", "#", file)))


def _contents(members: dict[str, bytes]) -> dict[str, list[bytes]]:
    """Return what each folder holds, whatever the files are called."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for name, content in members.items():
        found[_as_older(name)].append(content)
    return {name: sorted(contents) for name, contents in found.items()}


def _is_transcoded(path: str, body: object) -> bool:
    return "transcode=" in path or (isinstance(body, dict) and "Transcode" in body)


@pytest.mark.parametrize(("method", "path", "body"), ALIKE.values(), ids=ALIKE.keys())
def test_archive_is_alike(both: Both, method: str, path: str, body: object) -> None:
    answers = both.ask(method, path.format_map(_IDS), _filled(body))
    for name in ("content-type", "content-disposition"):
        ours, theirs = (one.headers[name] for one in (answers.nephele, answers.orthanc))
        assert ours == (theirs if "filename=x" not in path else theirs.replace(_default(path), "x"))
    theirs_found, ours_found = (_contents(one) for one in answers.zips())
    directories = [one.pop("DICOMDIR", [b""])[0] for one in (theirs_found, ours_found)]
    assert list(ours_found) == list(theirs_found)
    if _is_transcoded(path, body):
        theirs_found, ours_found = (_pixels(one) for one in (theirs_found, ours_found))
    assert ours_found == theirs_found
    if all(directories):
        theirs_records, ours_records = (_records(one) for one in directories)
        assert ours_records == theirs_records


def _default(path: str) -> str:
    return f"{path.format_map(_IDS).split('/')[2]}.zip"


def _pixels(found: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    """Return decoded pixels instead of files, in whose meta information servers name themselves."""
    decoded: dict[str, list[bytes]] = {}
    for name, contents in found.items():
        images = [pydicom.dcmread(io.BytesIO(one)) for one in contents]
        decoded[name] = sorted(map(_samples, images))
    return decoded


def _samples(image: Dataset) -> bytes:
    """Return the samples of an image that is not compressed, or in JPEG Lossless."""
    if not image.file_meta.TransferSyntaxUID.is_compressed:
        return bytes(image.PixelData)
    frame = next(generate_frames(image.PixelData, number_of_frames=1))
    return bytes(imagecodecs.jpegsof3_decode(frame).tobytes())


_UNTOLD = ("Offset", "ReferencedFileID")
"""Where records are, and which file is which: instances of a series have another order."""


def _records(directory: bytes) -> list[list[tuple[str, str]]]:
    """Return what the records of a DICOMDIR say; those of a series' images are sorted."""
    data_set = pydicom.dcmread(io.BytesIO(directory))
    assert data_set.FileSetID == "ORTHANC_MEDIA"
    found: list[list[tuple[str, str]]] = []
    for kind, records in groupby(data_set.DirectoryRecordSequence, _kind):
        shown = [
            [
                (element.keyword, str(element.value))
                for element in record
                if not any(word in element.keyword for word in _UNTOLD)
            ]
            for record in records
        ]
        found += sorted(shown) if kind == "IMAGE" else shown
    return found


def _kind(record: Dataset) -> str:
    return str(record.DirectoryRecordType)


def test_names_that_are_not_ascii_are_kept_in_the_directory(both: Both) -> None:
    """Orthanc writes them without what is not ASCII."""
    answers = both.ask("GET", f"/studies/{_IDS['study41']}/media")
    theirs, ours = (_records(one["DICOMDIR"]) for one in answers.zips())
    assert dict(theirs[0])["PatientName"] == "Mller^Jrg"
    assert dict(ours[0])["PatientName"] == _UTF8_PATIENT
    assert dict(ours[0])["SpecificCharacterSet"] == "ISO_IR 192"
    assert ours[1:] == theirs[1:]


@pytest.mark.parametrize("extended", ["", "?extended"], ids=["plain", "extended"])
def test_directories_pass_the_same_checks(both: Both, tmp_path: Path, extended: str) -> None:
    answers = both.ask("GET", f"/studies/{_IDS['study11']}/media{extended}")
    complaints = []
    for number, members in enumerate(answers.zips()):
        file = tmp_path / str(number)
        file.write_bytes(members["DICOMDIR"])
        subprocess.run(["dcmdump", "+E", file], check=True, capture_output=True)
        shown = subprocess.run(["dciodvfy", file], check=False, capture_output=True, text=True)
        complaints.append(shown.stderr.splitlines())
    theirs, ours = complaints
    assert ours == theirs


SERIES = ("POST", "/series/{series11}/archive", {**_IN_CALL, "Transcode": _IMPLICIT})


def test_folders_of_one_series_begin_with_its_own(both: Both) -> None:
    """Those of 1.10.1 begin with the patient's, as both have them where GET asks for a series."""
    method, path, body = SERIES
    answers = both.ask(method, path.format_map(_IDS), body)
    theirs, ours = (_pixels(_contents(one)) for one in answers.zips())
    assert list(theirs) == ["ARC1 Doe Jane/ACC Head/CT axial/CT######.dcm"]
    assert ours == {name.split("/", 2)[2]: found for name, found in theirs.items()}


REFUSALS = {
    "an unknown study": ("GET", "/studies/nonsense/archive", None),
    "an instance": ("GET", "/instances/{instance11}/archive", None),
    "an instance's media": ("POST", "/instances/{instance11}/media", {}),
    "an unknown syntax": ("GET", "/studies/{study11}/archive?transcode=1.2", None),
    "an unknown syntax by POST": ("POST", "/studies/{study11}/media", {"Transcode": "1.2"}),
    "a syntax that is no text": ("POST", "/studies/{study11}/archive", {"Transcode": 5}),
    "text instead of an object": ("POST", "/studies/{study11}/archive", "x"),
    "a number instead of an object": ("POST", "/tools/create-archive", 5),
    "no body": ("POST", "/studies/{study11}/archive", None),
    "a batch without resources": ("POST", "/tools/create-archive", {}),
    "resources that are no list": ("POST", "/tools/create-media", {"Resources": "x"}),
    "resources that are no texts": ("POST", "/tools/create-archive", [1]),
    "an unknown resource": ("POST", "/tools/create-archive", ["nonsense"]),
    "an unknown resource among others": ("POST", "/tools/create-media", ["{study11}", "x"]),
    "a flag that is none": ("POST", "/studies/{study11}/archive", {"Asynchronous": 1}),
    "a priority that is none": ("POST", "/studies/{study11}/archive", {"Priority": "x"}),
    "a verb that is not served": ("PUT", "/studies/{study11}/archive", None),
    "another one": ("DELETE", "/tools/create-archive", None),
    "an output of no job": ("GET", "/jobs/nonsense/archive", None),
}
_OTHERWISE = {
    "an unknown study": (404, 7),
    "an output of no job": (404, 7),
}
"""Statuses and codes of 1.12 where 1.10.1 has others."""


@pytest.mark.parametrize("reason", REFUSALS)
def test_refusal_is_alike(both: Both, reason: str) -> None:
    method, path, body = REFUSALS[reason]
    answers = both.ask(method, path.format_map(_IDS), _filled(body))
    found = _status(answers.nephele)
    assert found == _OTHERWISE.get(reason, _status(answers.orthanc))


def _status(answer: httpx.Response) -> tuple[int, int | None]:
    described = answer.json() if answer.content[:1] == b"{" else {}
    return answer.status_code, described.get("OrthancStatus")
