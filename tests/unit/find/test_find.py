"""`/tools/find`: the values are what Orthanc 1.10.1 answers to the same archive and query."""

from __future__ import annotations

from typing import Any

import pytest

from nephele.services.archive import Archive
from nephele.settings.configuration import parse_configuration
from tests.unit.find.conftest import client_under, uids
from tests.unit.rest.conftest import Client

_THORAX, _ABDOMEN, _ELAN, _YAMADA = "1.2.1", "1.2.2", "1.2.3", "1.2.4"
_ALL = [_THORAX, _ABDOMEN, _ELAN, _YAMADA]

STUDIES: dict[str, tuple[dict[str, str], list[str]]] = {
    "everything": ({}, _ALL),
    "an empty value asks for nothing": ({"StudyDate": "", "ModalitiesInStudy": ""}, _ALL),
    "the study's own spelling of the name": ({"PatientName": "ROE*"}, [_ABDOMEN]),
    "a whole name": ({"PatientName": "doe^jane"}, [_THORAX]),
    "the end of a name": ({"PatientName": "*joan"}, [_ABDOMEN]),
    "a text within names": ({"PatientName": "*^j*n*"}, [_THORAX, _ABDOMEN]),
    "a text within names, three characters": ({"PatientName": "*^jo*"}, [_ABDOMEN]),
    "a beginning and a text within": ({"PatientName": "d*jane"}, [_THORAX]),
    "any name": ({"PatientName": "*"}, _ALL),
    "names of one length": ({"PatientName": "????????"}, [_THORAX, _ABDOMEN, _ELAN]),
    "a list of names": ({"PatientName": "doe^jane\\Roe^Joan"}, [_THORAX, _ABDOMEN]),
    "accents in either case": ({"PatientName": "élan*"}, [_ELAN]),
    "accents in capitals": ({"PatientName": "ÉLAN^ZOË"}, [_ELAN]),
    "accents are kept": ({"PatientName": "ELAN*"}, []),
    "ideographs": ({"PatientName": "*山田^太*"}, [_YAMADA]),
    "one ideograph": ({"PatientName": "*山*"}, [_YAMADA]),
    "one component group is not the name": ({"PatientName": "yamada"}, []),
    "padding counts": ({"PatientName": "Doe^Jane "}, []),
    "a PatientID in another case": ({"PatientID": "p1"}, [_THORAX, _ABDOMEN]),
    "an identifier is not normalised": ({"PatientID": "P 2"}, []),
    "an identifier with an underscore": ({"PatientID": "P_2"}, [_ELAN]),
    "a closed range": ({"StudyDate": "20200101-20201231"}, [_THORAX]),
    "a range that ends on the day": ({"StudyDate": "20191231-20200101"}, [_THORAX]),
    "a range of one day": ({"StudyDate": "20210101-20210101"}, [_ABDOMEN]),
    "a range upside down": ({"StudyDate": "20210101-20200101"}, []),
    "from a day on": ({"StudyDate": "20200101-"}, [_THORAX, _ABDOMEN]),
    "up to a day: an empty date is before all": ({"StudyDate": "-20200101"}, [_THORAX, _ELAN]),
    "a range without ends": ({"StudyDate": "-"}, _ALL),
    "a range and a list": ({"StudyDate": "20200101-20201231\\20210101"}, [_THORAX]),
    "a list of dates": ({"StudyDate": "20200101\\20210101"}, [_THORAX, _ABDOMEN]),
    "a date": ({"StudyDate": "20200101"}, [_THORAX]),
    "times": ({"StudyTime": "070000-080000"}, _ALL),
    "an accession number": ({"AccessionNumber": "ACC1"}, [_THORAX]),
    "leading blanks count": ({"AccessionNumber": "lead"}, []),
    "leading blanks": ({"AccessionNumber": " lead"}, [_ABDOMEN]),
    "a list of accession numbers": ({"AccessionNumber": "acc1\\ lead"}, [_THORAX, _ABDOMEN]),
    "no wildcards in a list": ({"AccessionNumber": "acc*\\ lead"}, [_ABDOMEN]),
    "a list with an empty value": ({"AccessionNumber": "acc1\\"}, [_THORAX, _ELAN]),
    "an accession number's pattern": ({"AccessionNumber": "a?c1"}, [_THORAX]),
    "whatever is present, be it empty": ({"AccessionNumber": "*"}, _ALL),
    "whatever is present": ({"StudyDescription": "*"}, [_THORAX, _ABDOMEN, _ELAN]),
    "a description": ({"StudyDescription": "abdomen"}, [_ABDOMEN]),
    "a description with signs": ({"StudyDescription": "Ab%d"}, [_ELAN]),
    "a sign for a sign": ({"StudyDescription": "Ab d"}, []),
    "a modality": ({"ModalitiesInStudy": "ct"}, [_THORAX]),
    "the other modality": ({"ModalitiesInStudy": "SR"}, [_THORAX]),
    "several modalities": ({"ModalitiesInStudy": "CT\\US"}, [_THORAX, _YAMADA]),
    "a pattern of modalities": ({"ModalitiesInStudy": "C*"}, [_THORAX]),
    "a modality and a name": ({"ModalitiesInStudy": "MR", "PatientName": "roe*"}, [_ABDOMEN]),
    "a modality and another name": ({"ModalitiesInStudy": "CT", "PatientName": "roe*"}, []),
    "a modality and a range": ({"ModalitiesInStudy": "MR", "StudyDate": "2020-"}, [_ABDOMEN]),
    "a tag of the series": ({"Modality": "CT"}, []),
    "a UID of the series": ({"SeriesInstanceUID": "1.2.1.1"}, []),
    "a tag of the patient": ({"PatientSex": "o"}, _ALL),
    "a tag of the file": ({"Rows": "128"}, _ALL),
    "another value of a tag of the file": ({"Rows": "129"}, []),
    "a tag of the file that is nowhere": ({"PatientComments": "*"}, []),
    "a tag of the file and one of the study": ({"Rows": "128", "StudyDate": "2021-"}, [_ABDOMEN]),
    "a tag by number": ({"0008,0020": "20200101"}, [_THORAX]),
    "a tag by number with a dash": ({"0008-0020": "20200101"}, [_THORAX]),
    "a tag by number alone": ({"00080020": "20200101"}, [_THORAX]),
    "a UID": ({"StudyInstanceUID": "1.2.1"}, [_THORAX]),
    "a list of UIDs": ({"StudyInstanceUID": "1.2.1\\1.2.2"}, [_THORAX, _ABDOMEN]),
    "a UID and another study's date": ({"StudyInstanceUID": "1.2.1", "StudyDate": "2021-"}, []),
    "a sequence": ({"OtherPatientIDsSequence": "x"}, []),
    "a main tag that is a sequence": ({"RequestAttributesSequence": "x"}, []),
    "a private creator": ({"0009,0010": "GEMS_IDEN_01"}, _ALL),
    "a computed tag": ({"NumberOfStudyRelatedSeries": "2"}, []),
    "a text no key can hold": ({"PatientName": "n" * 5000, "StudyDate": "-" + "9" * 5000}, []),
    "a pattern no key can hold": ({"PatientName": "山" * 2000 + "*"}, []),
    "a modality no key can hold": ({"ModalitiesInStudy": "x" * 5000}, []),
}


@pytest.mark.parametrize("reason", STUDIES)
def test_studies(client: Client, reason: str) -> None:
    query, expected = STUDIES[reason]
    assert uids(client, Level="Study", Query=query) == expected


OTHERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "patients, by the patient's own name": ({"Level": "Patient", "PatientName": "roe*"}, []),
    "patients by a text within": ({"Level": "Patient", "PatientName": "*jane"}, ["P1"]),
    "patients by a text of a study's spelling": ({"Level": "Patient", "PatientName": "*joan"}, []),
    "patients by a name": ({"Level": "Patient", "PatientName": "doe^jane"}, ["P1"]),
    "patients by sex": ({"Level": "patients", "PatientSex": "O"}, ["P1", "P4", "p_2"]),
    "patients by a study's date": ({"Level": "Patient", "StudyDate": "20200101"}, []),
    "patients by a modality": ({"Level": "Patient", "ModalitiesInStudy": "CT"}, []),
    "patients by a tag of the file": (
        {"Level": "Patient", "Rows": "128"},
        ["P1", "P4", "p_2"],
    ),
    "series by a modality": ({"Level": "Series", "Modality": "CT"}, ["1.2.1.1"]),
    "series by a pattern": ({"Level": "series", "Modality": "c?"}, ["1.2.1.1"]),
    "series by the modalities of the study": ({"Level": "Series", "ModalitiesInStudy": "CT"}, []),
    "series by name": ({"Level": "Series", "PatientName": "roe*"}, ["1.2.2.1"]),
    "series by name and modality": (
        {"Level": "Series", "PatientName": "doe*", "Modality": "SR"},
        ["1.2.1.2"],
    ),
    "series by a description that is there": (
        {"Level": "Series", "SeriesDescription": "*", "PatientName": "doe*"},
        ["1.2.1.1", "1.2.1.2"],
    ),
    "series by UID and another's name": (
        {"Level": "Series", "SeriesInstanceUID": "1.2.1.1", "PatientName": "roe*"},
        [],
    ),
    "series by UID and name": (
        {"Level": "Series", "SeriesInstanceUID": "1.2.1.1", "PatientName": "doe*"},
        ["1.2.1.1"],
    ),
    "series of a study and a patient": (
        {"Level": "Series", "StudyInstanceUID": "1.2.1", "PatientID": "P1"},
        ["1.2.1.1", "1.2.1.2"],
    ),
    "instances by name": ({"Level": "Instance", "PatientName": "roe*"}, ["1.2.2.1.1"]),
    "instances by modalities": (
        {"Level": "Image", "Modality": "CT\\SR"},
        ["1.2.1.1.1", "1.2.1.2.1"],
    ),
    "instances by UID and a date": (
        {"Level": "IMAGES", "SOPInstanceUID": "1.2.1.1.1", "StudyDate": "20200101"},
        ["1.2.1.1.1"],
    ),
    "instances by UID and another date": (
        {"Level": "IMAGES", "SOPInstanceUID": "1.2.1.1.1", "StudyDate": "20200102"},
        [],
    ),
    "instances by a description of their series": (
        {"Level": "instances", "SeriesDescription": "SER1"},
        ["1.2.1.1.1"],
    ),
    "instances by a tag of the file": (
        {"Level": "Instance", "Rows": "128", "Modality": "MR"},
        ["1.2.2.1.1", "1.2.3.1.1"],
    ),
}


@pytest.mark.parametrize("reason", OTHERS)
def test_other_levels(client: Client, reason: str) -> None:
    fields, expected = OTHERS[reason]
    query = {name: value for name, value in fields.items() if name != "Level"}
    assert uids(client, Level=fields["Level"], Query=query) == expected


ERRORS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no level": ({"Query": {}}, 8, "Level"),
    "a level that is no text": ({"Level": 3, "Query": {}}, 8, "Level"),
    "a level there is not": ({"Level": "x", "Query": {}}, 3, "Level"),
    "no query": ({"Level": "Study"}, 8, "Query"),
    "a query that is no object": ({"Level": "Study", "Query": []}, 8, "Query"),
    "a value that is a number": ({"Level": "Study", "Query": {"PatientName": 3}}, 8, "PatientName"),
    "a value that is null": ({"Level": "Study", "Query": {"PatientID": None}}, 8, "PatientID"),
    "a tag there is not": ({"Level": "Study", "Query": {"NoSuchTag": "x"}}, 8, "NoSuchTag"),
    "a pattern of dates": ({"Level": "Study", "Query": {"StudyDate": "2020*"}}, 3, "0008,0020"),
    "a pattern of UIDs": ({"Level": "Study", "Query": {"StudyInstanceUID": "1*"}}, 3, "0020,000d"),
    "a pattern of ages": ({"Level": "Study", "Query": {"PatientAge": "*"}}, 3, "0010,1010"),
    "a pattern of an unknown VR": ({"Level": "Study", "Query": {"0009,1001": "*"}}, 3, "0009,1001"),
    "a negative limit": ({"Level": "Study", "Query": {}, "Limit": -1}, 3, "Limit"),
    "a limit that is text": ({"Level": "Study", "Query": {}, "Limit": "1"}, 8, "Limit"),
    "a limit that is a fraction": ({"Level": "Study", "Query": {}, "Limit": 1.5}, 8, "Limit"),
    "a limit that is a flag": ({"Level": "Study", "Query": {}, "Limit": True}, 8, "Limit"),
    "a negative start": ({"Level": "Study", "Query": {}, "Since": -1}, 3, "Since"),
    "a flag that is text": ({"Level": "Study", "Query": {}, "Expand": "x"}, 8, "Expand"),
    "a case that is text": (
        {"Level": "Study", "Query": {}, "CaseSensitive": "x"},
        8,
        "CaseSensitive",
    ),
    "a format that is text": ({"Level": "Study", "Query": {}, "Full": "x"}, 15, "Full"),
    "a format that is a number": ({"Level": "Study", "Query": {}, "Short": 1}, 15, "Short"),
    "labels that are text": ({"Level": "Study", "Query": {}, "Labels": "a"}, 8, "Labels"),
    "a constraint there is not": (
        {"Level": "Study", "Query": {}, "LabelsConstraint": "Some"},
        3,
        "LabelsConstraint",
    ),
    "a parent that is a number": (
        {"Level": "Series", "Query": {}, "ParentStudy": 1},
        8,
        "ParentStudy",
    ),
    "requested tags that are text": (
        {"Level": "Study", "Query": {}, "RequestedTags": "PatientName"},
        8,
        "RequestedTags",
    ),
    "a requested tag there is not": (
        {"Level": "Study", "Query": {}, "RequestedTags": ["Nonsense"], "Expand": True},
        8,
        "requested tags",
    ),
    "metadata that are text": (
        {"Level": "Study", "Query": {}, "MetadataQuery": "x"},
        8,
        "MetadataQuery",
    ),
    "a metadata there is not": (
        {"Level": "Study", "Query": {}, "MetadataQuery": {"Nonsense": "x"}},
        3,
        "Nonsense",
    ),
    "an order that is text": ({"Level": "Study", "Query": {}, "OrderBy": "x"}, 8, "OrderBy"),
    "an order without a key": (
        {"Level": "Study", "Query": {}, "OrderBy": [{"Type": "DicomTag", "Direction": "ASC"}]},
        8,
        "Key",
    ),
    "an order of a kind there is not": (
        {
            "Level": "Study",
            "Query": {},
            "OrderBy": [{"Type": "Tag", "Key": "StudyDate", "Direction": "ASC"}],
        },
        3,
        "OrderBy",
    ),
    "content that is text": (
        {"Level": "Study", "Query": {}, "ResponseContent": "ID"},
        8,
        "ResponseContent",
    ),
    "content there is not": (
        {"Level": "Study", "Query": {}, "ResponseContent": ["Nonsense"]},
        3,
        "ResponseContent",
    ),
    "a start that a header decides": (
        {"Level": "Study", "Query": {"Rows": "128"}, "Since": 1},
        8,
        "Since",
    ),
    "a start that the case decides": (
        {"Level": "Study", "Query": {"PatientName": "D*"}, "CaseSensitive": True, "Since": 1},
        8,
        "Since",
    ),
}


@pytest.mark.parametrize("reason", ERRORS)
def test_errors_name_the_field(client: Client, reason: str) -> None:
    body, code, name = ERRORS[reason]
    answer = client.post("/tools/find", json=body)
    assert answer.status_code == 400
    assert answer.json()["OrthancStatus"] == code
    assert name in answer.json()["Details"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"", b'"x"'], ids=["cut", "array", "empty", "text"])
def test_a_body_that_is_no_object(client: Client, body: bytes) -> None:
    answer = client.post("/tools/find", content=body)
    assert (answer.status_code, answer.json()["OrthancStatus"]) == (400, 8)


def _find(client: Client, **body: Any) -> Any:
    answer = client.post("/tools/find", json={"Level": "Study", "Query": {}, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_pages_cover_all_in_order(client: Client) -> None:
    whole = _find(client)
    assert whole == sorted(whole)
    assert len(whole) == 4
    assert _find(client, Limit=0) == whole
    pages = [_find(client, Since=since, Limit=1) for since in range(4)]
    assert [one for page in pages for one in page] == whole
    assert _find(client, Since=3) == whole[3:]
    assert _find(client, Since=100, Limit=5) == []


def test_case_may_matter(client: Client) -> None:
    assert uids(client, Level="Study", Query={"PatientName": "DOE*"}, CaseSensitive=True) == []
    found = uids(client, Level="Study", Query={"PatientName": "Doe*"}, CaseSensitive=True)
    assert found == [_THORAX]
    assert uids(client, Level="Study", Query={"ModalitiesInStudy": "ct"}, CaseSensitive=True) == []
    assert uids(client, Level="Study", Query={"PatientID": "p1"}, CaseSensitive=True) == []


def test_formats(client: Client) -> None:
    query = {"StudyDate": "20210101"}
    human = _find(client, Query=query, Expand=True)[0]
    assert human["MainDicomTags"]["AccessionNumber"] == " lead"
    assert human["PatientMainDicomTags"]["PatientName"] == "Roe^Joan"
    short = _find(client, Query=query, Expand=True, Short=True)[0]
    assert short["MainDicomTags"]["0008,0050"] == " lead"
    full = _find(client, Query=query, Expand=True, Full=True)[0]
    assert full["MainDicomTags"]["0008,0050"]["Name"] == "AccessionNumber"
    both = _find(client, Query=query, Expand=True, Full=True, Simplify=True)[0]
    assert both == human
    assert _find(client, Query=query, Full=True) == [human["ID"]]


def test_requested_tags(client: Client) -> None:
    asked = ["ModalitiesInStudy", "0028,0010", "PatientID", "NumberOfStudyRelatedSeries"]
    found = _find(client, Query={"PatientName": "doe*"}, Expand=True, RequestedTags=asked)
    assert found[0]["RequestedTags"] == {
        "ModalitiesInStudy": "CT\\SR",
        "NumberOfStudyRelatedSeries": "2",
        "PatientID": "P1",
        "Rows": "128",
    }


def test_response_content(client: Client) -> None:
    query = {"PatientName": "doe*"}
    bare = _find(client, Query=query, ResponseContent=[])[0]
    assert set(bare) == {"ID", "Type"}
    content = ["Children", "Labels", "Metadata", "Parent", "ID", "MainDicomTags", "IsStable"]
    shown = _find(client, Query=query, Expand=False, ResponseContent=content)[0]
    assert set(shown) == {
        *("ID", "IsStable", "Labels", "MainDicomTags", "Metadata", "ParentPatient"),
        *("PatientMainDicomTags", "Series", "Type"),
    }
    assert set(shown["Metadata"]) == {"LastUpdate", "MainDicomTagsSignature"}
    (instance,) = _find(
        client,
        Level="Instance",
        Query={"SOPInstanceUID": "1.2.1.1.1"},
        ResponseContent=["Attachments"],
    )
    assert [one["ContentType"] for one in instance["Attachments"]] == [1]
    series = _find(client, Level="Series", Query=query, ResponseContent=["Status"])[0]
    assert set(series) == {"ID", "Type", "Status", "ExpectedNumberOfInstances"}


def test_parents(client: Client) -> None:
    (study,) = _find(client, Query={"PatientName": "doe*"}, Expand=True)
    patient = study["ParentPatient"]
    assert uids(client, Level="Study", Query={}, ParentPatient=patient) == [_THORAX, _ABDOMEN]
    assert uids(client, Level="Series", Query={}, ParentStudy=study["ID"]) == ["1.2.1.1", "1.2.1.2"]
    found = uids(client, Level="Instance", Query={"Modality": "SR"}, ParentPatient=patient)
    assert found == ["1.2.1.2.1"]
    found = uids(client, Level="Study", Query={"StudyDate": "2021-"}, ParentPatient=patient)
    assert found == [_ABDOMEN]
    series = study["Series"][0]
    assert len(_find(client, Level="Instance", ParentSeries=series)) == 1
    both = {"ParentPatient": patient, "ParentSeries": series}
    assert len(_find(client, Level="Instance", **both)) == 3
    for wrong in ("no-such-thing", "-".join(["0" * 8] * 5), patient):
        assert _find(client, Level="Series", ParentStudy=wrong) == []
    assert _find(client, Level="Study", ParentSeries=series) == []


@pytest.mark.parametrize(
    ("labels", "constraint", "count"),
    [
        pytest.param([], "All", 4, id="no filter"),
        pytest.param(["a"], "All", 0, id="all of one"),
        pytest.param(["a", "b"], "Any", 0, id="any of two"),
        pytest.param(["a"], "None", 4, id="none of one"),
        pytest.param([], "None", 4, id="without labels"),
    ],
)
def test_labels(client: Client, labels: list[str], constraint: str, count: int) -> None:
    assert len(_find(client, Labels=labels, LabelsConstraint=constraint)) == count


def test_metadata(client: Client) -> None:
    everything = {"Level": "Instance", "Query": {}}
    assert len(uids(client, **everything, MetadataQuery={"Origin": "restapi"})) == 5
    assert len(uids(client, **everything, MetadataQuery={"8": "Rest*"})) == 5
    assert uids(client, **everything, MetadataQuery={"Origin": "Lua\\Plugins"}) == []
    case = {"MetadataQuery": {"Origin": "restapi"}, "CaseSensitive": True}
    assert uids(client, **everything, **case) == []
    assert uids(client, **everything, MetadataQuery={"1024": "x"}) == []
    assert len(uids(client, **everything, MetadataQuery={"Origin": ""})) == 5
    assert uids(client, Level="Study", Query={}, MetadataQuery={"Origin": "RestApi"}) == []


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        pytest.param(
            [("DicomTag", "StudyDate", "ASC")], [_ELAN, _THORAX, _ABDOMEN, _YAMADA], id="dates"
        ),
        pytest.param(
            [("dicomtag", "0008,0020", "desc")],
            [_ABDOMEN, _THORAX, _ELAN, _YAMADA],
            id="dates downwards: what is missing stays last",
        ),
        pytest.param(
            [("DicomTag", "PatientName", "DESC")],
            [_ELAN, _YAMADA, _ABDOMEN, _THORAX],
            id="a tag of the patient, without case",
        ),
        pytest.param(
            [("DicomTagAsInt", "StudyDate", "DESC")],
            [_ABDOMEN, _THORAX, None, None],
            id="numbers: what is none is missing",
        ),
        pytest.param(
            [("DicomTag", "PatientID", "ASC"), ("DicomTagAsFloat", "StudyDate", "DESC")],
            [_ABDOMEN, _THORAX, _YAMADA, _ELAN],
            id="two keys",
        ),
        pytest.param(
            [("Metadata", "LastUpdate", "ASC"), ("DicomTag", "StudyInstanceUID", "ASC")],
            _ALL,
            id="a metadata",
        ),
    ],
)
def test_order(
    client: Client, order: list[tuple[str, str, str]], expected: list[str | None]
) -> None:
    keys = [dict(zip(("Type", "Key", "Direction"), one, strict=True)) for one in order]
    found = _find(client, Expand=True, OrderBy=keys)
    shown = [study["MainDicomTags"]["StudyInstanceUID"] for study in found]
    assert all(one in (None, other) for one, other in zip(expected, shown, strict=True)), shown
    ids = [study["ID"] for study in found]
    assert _find(client, OrderBy=keys, Since=1, Limit=2) == ids[1:3]


def test_limits_of_the_configuration(library: Archive) -> None:
    options = '{"LimitFindResults": 2, "LimitFindInstances": 3}'
    limited = client_under(library, parse_configuration(options))
    assert len(_find(limited)) == 2
    assert len(_find(limited, Limit=1)) == 1
    assert len(_find(limited, Limit=4)) == 2
    assert len(_find(limited, Level="Instance")) == 3


def test_counts(client: Client) -> None:
    def count(**body: Any) -> Any:
        return client.post("/tools/count-resources", json=body).json()

    assert count(Level="Study", Query={}) == {"Count": 4}
    assert count(Level="Series", Query={"Modality": "MR"}, Since=1, Limit=1) == {"Count": 2}
    assert count(Level="Study", Query={"PatientName": "*jo*"}) == {"Count": 1}
    assert count(Level="Study", Query={}, CaseSensitive=True)["OrthancStatus"] == 3
    assert count(Level="Study", Query={"Rows": "1"})["OrthancStatus"] == 8
    assert count(Query={})["OrthancStatus"] == 8


def test_bulk_content(client: Client) -> None:
    (study,) = _find(client, Query={"PatientName": "doe*"}, Expand=True)
    unknown = "-".join(["0" * 8] * 5)
    asked = [study["Series"][1], unknown, "nonsense", study["ID"], study["ParentPatient"]]

    def bulk(**body: Any) -> Any:
        return client.post("/tools/bulk-content", json=body).json()

    assert [one["ID"] for one in bulk(Resources=asked)] == [asked[0], asked[3], asked[4]]
    assert bulk(Resources=[study["ID"]])[0]["Metadata"]["LastUpdate"]
    assert bulk(Resources=[study["ID"]], Metadata=False) == [study]
    assert "0008,0020" in bulk(Resources=[study["ID"]], Short=True)[0]["MainDicomTags"]
    below = bulk(Resources=[study["ID"], study["ParentPatient"]], Level="Series")
    assert len(below) == 3
    assert [one["ID"] for one in below] == sorted(one["ID"] for one in below)
    above = bulk(Resources=study["Series"], Level="Patient")
    assert [one["ID"] for one in above] == [study["ParentPatient"]]
    assert bulk()["OrthancStatus"] == bulk(Resources="x")["OrthancStatus"] == 15
    assert bulk(Resources=[], Level="x")["OrthancStatus"] == 3
    assert bulk(Resources=[]) == []


def test_lookup_knows_accession_numbers(client: Client) -> None:
    (found,) = client.post("/tools/lookup", content=b"ACC1").json()
    assert found["Type"] == "Study"
