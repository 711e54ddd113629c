"""Search rows follow the resources they are of, whatever comes and goes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pytest

from nephele.aws import clients
from nephele.aws.index import Index, codec, keys, search_rows
from nephele.aws.index.commit import Committer, Entry, Outcome
from nephele.aws.index.removal import remove_instances
from nephele.aws.index.table import Row
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId, orthanc_id
from nephele.services.archive import Archive
from nephele.services.delete import delete
from tests.unit.conftest import committer_of, entry

_VARIED = "".join(chr(0x4E00 + n) for n in range(74))
_PREFIXES = ("NAME#", "SFX#", "DATE#", "MOD#")


def _entry(sop: str, *, name: str = "", date: str = "", modality: str = "", **more: str) -> Entry:
    """Make a reception with a name, a date and a modality."""
    made = entry(sop, **more)  # type: ignore[arg-type]
    patient = {"0010,0010": name} if name else {}
    tags = {
        **made.header.main_tags,
        Level.PATIENT: made.header.main_tags[Level.PATIENT] | patient,
        Level.STUDY: made.header.main_tags[Level.STUDY] | ({"0008,0020": date} if date else {}),
        Level.SERIES: made.header.main_tags[Level.SERIES]
        | ({"0008,0060": modality} if modality else {}),
    }
    return replace(made, header=replace(made.header, main_tags=tags))


def _all_rows() -> list[Row]:
    pages = clients.dynamodb().get_paginator("scan").paginate(TableName="t")
    return [row for page in pages for row in page["Items"]]


def _assert_true() -> dict[str, int]:
    """Check that the search rows are those of the resources there are; count them by kind."""
    rows = _all_rows()
    found = [row for row in rows if row["pk"]["S"].startswith(_PREFIXES)]
    resources = [row for row in rows if row["sk"]["S"] == keys.RESOURCE and "l" in row]
    expected = [row for one in resources if "x" not in one for row in search_rows.rows_of(one)]
    assert sorted(map(_text, found)) == sorted(map(_text, expected))
    for study in resources:
        if study["l"]["S"] == Level.STUDY:
            assert codec.read_modalities(study) == _modalities(rows, study)
    kinds = [row["pk"]["S"].partition("#")[0] for row in found]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _text(row: Row) -> str:
    return json.dumps(row, sort_keys=True)


def _modalities(rows: Sequence[Row], study: Row) -> tuple[str, ...]:
    resources = {row["pk"]["S"]: row for row in rows if row["sk"]["S"] == keys.RESOURCE}
    below = [row for row in rows if row["pk"] == study["pk"] and row["sk"]["S"].startswith("C#")]
    series = [resources[row["sk"]["S"].removeprefix("C#")] for row in below]
    found = {codec.read_document(row, "t").get("0008,0060", "") for row in series}
    return tuple(sorted(found - {""}))


def test_rows_of_a_patient_and_a_study(archive: Archive, committer: Committer) -> None:
    committer.commit([_entry("1.2.3.1", name="Doe^Jane", date="20200101", modality="CT")])
    assert _assert_true() == {"DATE": 1, "MOD": 1, "NAME": 2, "SFX": len("Doe^Jane") - 3}
    committer.commit([_entry("1.2.3.2", name="Doe^Jane", uuid="u2")])
    assert _assert_true() == {"DATE": 1, "MOD": 1, "NAME": 2, "SFX": 5}


def test_a_study_without_date_and_name(archive: Archive, committer: Committer) -> None:
    committer.commit([_entry("1.2.3.1")])
    assert _assert_true() == {"DATE": 1}


def test_modalities_come_and_go(archive: Archive, committer: Committer) -> None:
    for n, modality in enumerate(["CT", "SR", "CT", "ct", ""]):
        series = f"1.2.{n}"
        committer.commit([_entry(f"{series}.1", series=series, modality=modality, uuid=f"u{n}")])
    assert _assert_true()["MOD"] == 2  # CT and ct share a row
    for n, left in ((0, 2), (2, 2), (1, 1), (3, None), (4, None)):
        made = _entry(f"1.2.{n}.1", series=f"1.2.{n}")
        delete(archive, Level.SERIES, made.header.identity.orthanc_id(Level.SERIES))
        assert _assert_true().get("MOD") == left
    assert _all_search_rows() == []


def _all_search_rows() -> list[Row]:
    return [row for row in _all_rows() if row["pk"]["S"].startswith(_PREFIXES)]


def test_a_study_that_spells_the_name_otherwise(archive: Archive, committer: Committer) -> None:
    committer.commit([_entry("1.2.3.1", name="DOE^JANE")])
    same = {"study": "2.2", "series": "2.2.3"}
    committer.commit([_entry("2.2.3.1", name="Doe^Jane", uuid="u2", **same)])
    assert _assert_true()["SFX"] == 5, "another case is no other name"
    other = {"study": "3.2", "series": "3.2.3"}
    committer.commit([_entry("3.2.3.1", name="DOE^JANET", uuid="u3", **other)])
    assert _assert_true()["SFX"] == 5 + 6
    study = _entry("3.2.3.1", **other).header.identity.orthanc_id(Level.STUDY)
    delete(archive, Level.STUDY, study)
    assert _assert_true()["SFX"] == 5
    delete(archive, Level.PATIENT, orthanc_id("PAT"))
    assert _all_search_rows() == []


@pytest.mark.parametrize(
    ("patient", "study", "suffixes"),
    [
        pytest.param("N" * 63, "", 60, id="as many as fit"),
        pytest.param("N" * 64, "", 1, id="too many"),
        pytest.param("N" * 250, "", 1, id="the longest name"),
        pytest.param("A" * 43, "B" * 35, 40 + 32, id="two names that fit together"),
        pytest.param("A" * 43, "B" * 36, 40 + 1, id="two names that do not"),
        pytest.param("A" * 200, _VARIED, 1 + 71, id="a long one and one that fits"),
        pytest.param("Bo", "", None, id="a name too short to be searched within"),
        pytest.param("山田^太郎=やまだ^たろう", "", 10, id="ideographs"),
    ],
)
def test_long_names(
    archive: Archive, committer: Committer, patient: str, study: str, suffixes: int | None
) -> None:
    several = [_entry(f"1.2.3.{n}", name=patient, modality="CT", uuid=f"u{n}") for n in range(22)]
    assert set(committer.commit(several)) == {Outcome.ADDED}
    if study:
        other = {"study": "2.2", "series": "2.2.3"}
        more = [
            _entry(f"2.2.3.{n}", name=study, modality="MR", uuid=f"v{n}", **other) for n in range(3)
        ]
        committer.commit(more)
    assert _assert_true().get("SFX") == suffixes
    delete(archive, Level.PATIENT, orthanc_id("PAT"))
    assert _all_search_rows() == []
    assert archive.index.totals().instances == 0


@dataclass(frozen=True)
class _Meanwhile(Index):
    """An index in which somebody else commits or deletes between a read and the write."""

    others: list[Entry | OrthancId]

    def rows(self, ids: Iterable[OrthancId]) -> dict[OrthancId, Row]:
        found = Index(self.table).rows(ids)
        if self.others:
            other = self.others.pop()
            if isinstance(other, Entry):
                Committer(
                    Index(self.table), False, lambda _one, _other: True, lambda _: True
                ).commit([other])
            else:
                remove_instances(Index(self.table), {other: "u2"})
        return found


def _series(n: int, modality: str) -> Entry:
    return _entry(f"1.2.{n}.1", series=f"1.2.{n}", modality=modality, uuid=f"u{n}", name="Doe^Jane")


@pytest.mark.parametrize("modality", ["SR", "CT", "MR", ""], ids=str)
@pytest.mark.parametrize("meanwhile", ["the same", "another", "it goes"])
def test_two_writers_of_one_study(archive: Archive, modality: str, meanwhile: str) -> None:
    committer_of(archive).commit([_series(1, "CT")])
    committer_of(archive).commit([_series(2, "SR")])
    other: Entry | OrthancId = _series(4, modality if meanwhile == "the same" else "US")
    if meanwhile == "it goes":
        other = _series(2, "SR").orthanc_id
    racing = Committer(
        _Meanwhile(archive.index.table, [other]), False, lambda _one, _other: True, lambda _: True
    )
    assert racing.commit([_series(3, modality)]) == [Outcome.ADDED]
    _assert_true()


@pytest.mark.parametrize("modality", ["SR", "CT", "MR"], ids=str)
@pytest.mark.parametrize("study_is_left", [True, False], ids=["the study stays", "it would go"])
def test_a_writer_while_a_series_goes(
    archive: Archive, modality: str, *, study_is_left: bool
) -> None:
    if study_is_left:
        committer_of(archive).commit([_series(1, "CT")])
    committer_of(archive).commit([_series(2, "SR")])
    racing = _Meanwhile(archive.index.table, [_series(3, modality)])
    remove_instances(racing, {_series(2, "SR").orthanc_id: "u2"})
    _assert_true()
    assert archive.index.resource(_series(3, modality).orthanc_id) is not None


def test_the_patient_is_another_one_meanwhile(archive: Archive, committer: Committer) -> None:
    """The study's spelling is compared with the patient's: it may not change under the commit."""
    committer.commit([_series(1, "CT")])
    other = _entry("9.2.3.1", study="9.2", series="9.2.3", name="Doe^Jane", uuid="u9")

    class _Replaced(_Meanwhile):
        def rows(self, ids: Iterable[OrthancId]) -> dict[OrthancId, Row]:
            found = Index(self.table).rows(ids)
            if self.others:
                self.others.clear()
                delete(archive, Level.PATIENT, orthanc_id("PAT"))
                committer.commit([_entry("8.2.3.1", study="8.2", series="8.2.3", name="Roe")])
            return found

    racing = Committer(
        _Replaced(archive.index.table, [other]), False, lambda _one, _other: True, lambda _: True
    )
    assert racing.commit([other]) == [Outcome.ADDED]
    assert _assert_true()["SFX"] == 5, "the study's own spelling"


def test_anything_in_any_order(archive: Archive, committer: Committer) -> None:
    chance = random.Random(7)  # noqa: S311  the same order each time
    names = ["DOE^JANE", "ROE^JO", "", "N" * 70]
    for step in range(40):
        study, series = f"1.{chance.randrange(3)}", chance.randrange(3)
        made = _entry(
            f"{study}.{series}.{chance.randrange(2)}",
            name=chance.choice(names),
            date=chance.choice(["", "20200101"]),
            modality=chance.choice(["CT", "SR", ""]),
            patient=f"P{chance.randrange(2)}",
            study=study,
            series=f"{study}.{series}",
            uuid=f"u{step}",
            received=f"20260101T0000{step:02}.000000",
        )
        if chance.random() < 0.6:
            committer.commit([made])
        else:
            there = archive.index.resource(made.orthanc_id)
            if there is not None and there.file is not None:
                remove_instances(archive.index, {made.orthanc_id: there.file.uuid})
        if step % 6 == 5:
            _assert_true()
