"""Read units and milliseconds of searches, with few and with many studies in the index."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.report import Bar, Sample
from bench.rest_client import RestClient
from bench.run import BenchRun, as_root
from nephele.aws.index import codec, items, keys, search_rows
from nephele.aws.index.table import Row, Table
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity, OrthancId
from tests.stack import Stack

_PLANTED = 10
"""Studies that queries look for; as many in a small archive as in a large one."""
_PLANTED_NAME, _PLANTED_DATE, _PLANTED_MODALITY = "QUAXLEY^ZENOBIA", "19991231", "XA"
_STUDIES_PER_PATIENT = 1.4
_REPETITIONS = 5
_BATCH = 5_000
_WRITERS = 4
_SYLLABLES = "ka ri mo ten sal ber vin do hu pra lo ge nis tau fe".split()
_MODALITIES = {"CT": 35, "MR": 20, "DX": 25, "US": 15, "MG": 5}

_QUERIES: dict[str, dict[str, str]] = {
    "accession number": {"AccessionNumber": "A0000000"},
    "name with a leading wildcard": {"PatientName": "*zenobia"},
    "beginning of a name": {"PatientName": "quax*"},
    "one day": {"StudyDate": _PLANTED_DATE},
    "range of dates": {"StudyDate": "19990101-19991231"},
    "modality": {"ModalitiesInStudy": _PLANTED_MODALITY},
    "modality and day": {"ModalitiesInStudy": "CT", "StudyDate": _PLANTED_DATE},
    "common modality and name": {"ModalitiesInStudy": "CT", "PatientName": "*zenobia"},
}
"""Each finds the same studies at both sizes, or some of them."""
_GROWING: dict[str, dict[str, str]] = {
    "a very common name, leading wildcard": {"PatientName": "*kari*"},
    "beginning of a very common name": {"PatientName": "kari*"},
    "a month": {"StudyDate": "20240301-20240331"},
    "a month of a common modality": {
        "ModalitiesInStudy": "CT",
        "StudyDate": "20240301-20240331",
    },
}
"""Each finds more in a larger archive."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a search found, read and took."""

    matches: int
    read_units: float
    took_ms: Sample


def find(run: BenchRun) -> None:
    """Write rows up to each size, and search."""
    report, stack = run.report, run.stack()
    sizes = (run.size.few_studies, run.size.many_studies)
    report.heading(f"searches, {sizes[0]} and {sizes[1]} studies in the index")
    client = run.nephele().client()
    found: list[dict[str, Cost]] = []
    studies = _iter_studies()
    written = 0
    for size in sizes:
        _write(stack, itertools.islice(studies, size - written))
        written = size
        queries = _QUERIES | _GROWING
        found.append({name: _search(client, query) for name, query in queries.items()})
    _print(run, *found)


def _write(stack: Stack, studies: Iterator[list[Row]]) -> None:
    """Write the rows searches read; those of listing, children and series are left out."""
    with as_root(stack), ThreadPoolExecutor(_WRITERS) as pool:
        (name,) = stack.client("dynamodb").list_tables()["TableNames"]
        table = Table(name)
        rows = itertools.chain.from_iterable(studies)
        while batch := list(itertools.islice(rows, _BATCH)):
            list(pool.map(table.put_all, (batch[n::_WRITERS] for n in range(_WRITERS))))


def _iter_studies() -> Iterator[list[Row]]:
    """Yield the rows of one study after the other; the first ones are planted."""
    chance = random.Random(1)  # noqa: S311  the same archive each time
    surnames = ["".join(parts).upper() for parts in itertools.product(_SYLLABLES, repeat=2)]
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(surnames) + 1)))
    patient = ""
    for number in itertools.count():
        is_planted = number < _PLANTED
        is_new = is_planted or chance.random() < 1 / _STUDIES_PER_PATIENT or not patient
        if is_new:
            patient = f"P{number:07}"
            family, given = chance.choices(surnames, cum_weights=weights, k=2)
            name = _PLANTED_NAME if is_planted else f"{family}^{given}"
        modality, *_ = chance.choices([*_MODALITIES], weights=[*_MODALITIES.values()])
        date = f"{chance.randrange(2010, 2026)}{chance.randrange(101, 113)}"
        date = f"{date[:4]}{date[5:]}{chance.randrange(1, 29):02}"
        yield _rows(
            Identity(patient, f"1.2.826.0.1.{number}", "1", "1"),
            {"0010,0010": name, "0010,0020": patient, "0010,0040": "O"},
            {
                "0008,0020": _PLANTED_DATE if is_planted else date,
                "0008,0050": f"A{number:07}",
                "0008,1030": "CT of thorax and abdomen with contrast",
                "0020,000d": f"1.2.826.0.1.{number}",
            },
            {modality: 1} | ({_PLANTED_MODALITY: 1, "CT": 1} if is_planted else {}),
            is_new=is_new,
        )


def _rows(
    identity: Identity,
    patient_tags: dict[str, str],
    study_tags: dict[str, str],
    modalities: Mapping[str, int],
    *,
    is_new: bool,
) -> list[Row]:
    counts = {name: codec.number(count) for name, count in modalities.items()}
    study = _resource(Level.STUDY, identity, patient_tags | study_tags)
    study |= {"mo": {"M": counts}, "a": codec.pack_ids([identity.orthanc_id(Level.PATIENT)])}
    rows = [*_resource_rows(Level.STUDY, study, identity, study_tags)]
    if is_new:
        patient = _resource(Level.PATIENT, identity, patient_tags)
        rows += _resource_rows(Level.PATIENT, patient, identity, patient_tags)
    return rows


def _resource(level: Level, identity: Identity, main_tags: dict[str, str]) -> Row:
    now = codec.text("20260101T000000.000000")
    counts = {name: codec.number(1) for name in ("nt", "ns", "ni", "z")}
    return {
        **keys.resource(identity.orthanc_id(level)),
        "l": codec.text(level.value),
        "t": codec.document(main_tags),
        "m": codec.document({}),
        "u": now,
        "c": now,
        **counts,
    }


def _resource_rows(
    level: Level, row: Row, identity: Identity, main_tags: dict[str, str]
) -> Iterator[Row]:
    yield row
    yield from search_rows.rows_of(row)
    orthanc_id = OrthancId(row["pk"]["S"])
    for key, value in items.identifier_keys(level, orthanc_id, main_tags, identity):
        yield {**key, "o": codec.text(value)}


def _search(client: RestClient, query: dict[str, str]) -> Cost:
    body = json.dumps({"Level": "Study", "Query": query, "Explain": True}).encode()
    took = []
    for _ in range(_REPETITIONS):
        started = time.perf_counter()
        answer = json.loads(client.ask("POST", "/tools/find", body))
        took.append(1000 * (time.perf_counter() - started))
    return Cost(len(answer["Answers"]), answer["Explain"]["ReadUnits"], Sample(tuple(took)))


def _print(run: BenchRun, small: dict[str, Cost], large: dict[str, Cost]) -> None:
    rows = []
    for name, one in small.items():
        other = large[name]
        cells = [f"{one.matches} / {other.matches}", f"{one.read_units} / {other.read_units}"]
        rows.append([name, *cells, one.took_ms.median, other.took_ms.median])
    columns = ["search for studies by", "matches", "read units", "ms, few", "ms, many"]
    run.report.table(columns, rows)
    grown = [
        name
        for name in _QUERIES
        if (large[name].matches, large[name].read_units)
        != (small[name].matches, small[name].read_units)
    ]
    found = "grow for " + ", ".join(grown) if grown else "equal"
    run.report.judge(Bar("units of the same matches", "equal at both sizes", found, not grown))
