"""Read units and milliseconds of searches, with few and with many studies in the index."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from bench.report import Bar, Sample
from bench.run import BenchRun
from bench.scratch_table import scratch_table
from nephele.aws.bucket import Bucket
from nephele.aws.index import Index, codec, items, keys, search_rows
from nephele.aws.index.meter import Meter
from nephele.aws.index.table import Row, Table
from nephele.domain.dictionary import parse_tag
from nephele.domain.find_query import FindQuery, parse_constraints
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import Identity
from nephele.services.archive import Archive
from nephele.services.find import find as search
from nephele.settings.configuration import parse_configuration
from nephele.settings.limits import FIND_READ_UNITS

_PLANTED = 10
"""Studies that queries look for; as many in a small archive as in a large one."""
_PLANTED_NAME, _PLANTED_DATE, _PLANTED_MODALITY = "QUAXLEY^ZENOBIA", "19991231", "XA"
_STUDIES_PER_PATIENT = 1.4
_REPETITIONS = 2
_PATIENCE_SECONDS = 600.0
"""The emulator looks at every row of a partition; a search in the cloud has much less time."""
_BATCH = 5_000
_WRITERS = 4
_SYLLABLES = "ka ri mo ten sal ber vin do hu pra lo ge nis tau fe".split()
_CALENDAR = ((2010, 2026), (1, 13), (1, 29))
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
    sizes = (run.size.few_studies, run.size.many_studies)
    run.report.heading(f"searches, {sizes[0]} and {sizes[1]} studies in the index")
    run.report.line("The emulator goes through all rows of a partition: judge units, not its time.")
    run.close()
    found: list[dict[str, Cost]] = []
    studies, written = _iter_studies(), 0
    with scratch_table(run.folder) as table:
        archive = Archive(parse_configuration("{}"), Bucket(""), Index(table))
        for size in sizes:
            _write(table, itertools.islice(studies, size - written))
            written = size
            queries = _QUERIES | _GROWING
            found.append({name: _search(archive, query) for name, query in queries.items()})
    _print(run, *found)


def _write(table: Table, studies: Iterator[list[Row]]) -> None:
    """Write the rows that searches for studies read, past the functions that would."""
    rows = itertools.chain.from_iterable(studies)
    with ThreadPoolExecutor(_WRITERS) as pool:
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
        year, month, day = (chance.randrange(*ends) for ends in _CALENDAR)
        date = f"{year}{month:02}{day:02}"
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
    rows: list[Row] = [study, *search_rows.rows_of(study)]
    orthanc_id = identity.orthanc_id(Level.STUDY)
    for key, value in items.identifier_keys(Level.STUDY, orthanc_id, study_tags, identity):
        rows.append({**key, "o": codec.text(value)})
    if is_new:
        rows += search_rows.rows_of(_resource(Level.PATIENT, identity, patient_tags))
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


def _search(archive: Archive, query: Mapping[str, str]) -> Cost:
    tags = {tag: value for name, value in query.items() if (tag := parse_tag(name)) is not None}
    constraints = parse_constraints(Level.STUDY, tags, is_case_sensitive=False)
    took, matches, units = [], 0, 0.0
    for _ in range(_REPETITIONS):
        meter = Meter(FIND_READ_UNITS, _PATIENCE_SECONDS)
        counted = replace(archive, index=Index(replace(archive.index.table, meter=meter)))
        found = search(counted, FindQuery(Level.STUDY, constraints))
        took.append(1000 * meter.seconds)
        matches, units = len(found.ids), meter.units
    return Cost(matches, units, Sample(tuple(took)))


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
