"""Storing, deleting, labelling, protecting, restoring and recycling in any order, against a model.

After each step index, counters, bucket and REST answers are what the model says.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId, orthanc_id
from nephele.domain.provenance import Origin, Provenance
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from nephele.services.attachments import attach, detach
from nephele.services.delete import delete
from nephele.services.deletion_parts import part_names
from nephele.services.labels import add_label, remove_label
from nephele.services.metadata import set_metadata
from nephele.services.protection import protect
from nephele.services.store import store
from nephele.services.undelete import finish_restore, list_deletions, restore_part
from tests.unit.keeping.conftest import (
    assert_counters_match,
    clear,
    configured,
    moment,
    settle,
)
from tests.unit.keeping.files import small_file
from tests.unit.rest.conftest import Client

MOST_PATIENTS = 3
PATIENTS = st.integers(1, 5)
STUDIES = st.integers(1, 2)
NUMBERS = st.integers(1, 2)
LABELS = st.sampled_from(["a", "b"])
Path = tuple[int, ...]
"""A patient, a study of it, its only series, an instance of that: as many as the level has."""
_CLOCK = count()
_CONTENT = ["Labels", "Metadata", "Attachments", "IsProtected"]
_PATIENTS = "\\".join(f"P{n}" for n in range(1, 6))
"""All of them by their identifiers: a list of everything reads sixteen partitions of a level."""


def id_of(path: Path) -> OrthancId:
    uids = [f"P{path[0]}"]
    if len(path) > 1:
        uids.append(f"1.2.{path[0]}.{path[1]}")
    if len(path) > 2:
        uids.append(f"{uids[-1]}.1")
    if len(path) > 3:
        uids.append(f"{uids[-1]}.{path[3]}")
    return orthanc_id(*uids)


@dataclass(frozen=True)
class Kept:
    """What users keep at a resource."""

    labels: frozenset[str] = frozenset()
    metadata: str | None = None
    attachment: int | None = None
    is_protected: bool = False


@dataclass
class Model:
    """What the archive should hold; `order` are the patients, the oldest first."""

    instances: set[Path] = field(default_factory=set)
    kept: dict[Path, Kept] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    touched: set[Path] = field(default_factory=set)
    """Where users have kept something since the resource was made."""

    def resources(self) -> set[Path]:
        return {path[:n] for path in self.instances for n in range(1, 5)}

    def recent(self, patient: int) -> None:
        self.order = [one for one in self.order if one != patient] + [patient]

    def remove(self, root: Path) -> tuple[set[Path], dict[Path, Kept]]:
        """Delete a resource; return what can be brought back."""
        gone = {path for path in self.instances if path[: len(root)] == root}
        before = self.resources()
        lineage = {path[:n] for path in gone for n in range(1, 5)}
        told = {path: kept for path, kept in self.kept.items() if path in lineage}
        self.instances -= gone
        for path in before - self.resources():
            self.kept.pop(path, None)
            self.touched.discard(path)
        patients = {path[0] for path in self.instances}
        self.order = [one for one in self.order if one in patients]
        return gone, told

    def recycle(self) -> list[tuple[set[Path], dict[Path, Kept]]]:
        deletions = []
        while len({path[0] for path in self.instances}) > MOST_PATIENTS:
            free = [one for one in self.order if not self.kept_at((one,)).is_protected]
            if len(free) < 2:
                break
            deletions.append(self.remove((free[0],)))
        return deletions

    def kept_at(self, path: Path) -> Kept:
        return self.kept.get(path, Kept())

    def is_full_of_protected(self, patient: int) -> bool:
        """Tell whether a new instance could not fit even if all others were recycled."""
        patients = {path[0] for path in self.instances} | {patient}
        fixed = {one for one in patients if self.kept_at((one,)).is_protected} | {patient}
        return len(patients) > MOST_PATIENTS and len(fixed) > MOST_PATIENTS


class AnyOrder(RuleBasedStateMachine):
    """One archive, and the model of it."""

    archive: ClassVar[Archive]

    @initialize()
    def begin(self) -> None:
        clear(self.archive)
        self.model = Model()
        self.deletions: list[tuple[set[Path], dict[Path, Kept]]] = []
        for patient in range(1, MOST_PATIENTS + 1):
            self.store(patient, 1, 1)

    @rule(patient=PATIENTS, study=STUDIES, number=NUMBERS)
    def receive(self, patient: int, study: int, number: int) -> None:
        self.store(patient, study, number)

    def store(self, patient: int, study: int, number: int) -> None:
        path = (patient, study, 1, number)
        if self.model.is_full_of_protected(patient):
            return
        provenance = Provenance(Origin.REST_API, moment(next(_CLOCK)))
        store(self.archive, io.BytesIO(small_file(patient, study, number)), provenance)
        if path not in self.model.instances:
            self.model.instances.add(path)
            self.model.recent(patient)

    def draw(self, data: st.DataObject) -> Path:
        """Choose a resource that is there."""
        return data.draw(st.sampled_from(sorted(self.model.resources())))

    def change(self, path: Path, **changes: Any) -> None:
        self.model.kept[path] = replace(self.model.kept_at(path), **changes)
        self.model.touched.add(path)

    @precondition(lambda self: self.model.instances)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        path = self.draw(data)
        delete(self.archive, list(Level)[len(path) - 1], id_of(path))
        self.deletions.append(self.model.remove(path))

    @precondition(lambda self: self.model.instances)
    @rule(data=st.data(), label=LABELS)
    def add_label(self, data: st.DataObject, label: str) -> None:
        path = self.draw(data)
        self.change(path, labels=self.model.kept_at(path).labels | {label})
        add_label(self.archive, list(Level)[len(path) - 1], id_of(path), label)

    @precondition(lambda self: self.model.instances)
    @rule(data=st.data(), label=LABELS)
    def remove_label(self, data: st.DataObject, label: str) -> None:
        path = self.draw(data)
        if label in self.model.kept_at(path).labels:
            self.change(path, labels=self.model.kept_at(path).labels - {label})
        remove_label(self.archive, list(Level)[len(path) - 1], id_of(path), label)

    @precondition(lambda self: self.model.instances)
    @rule(data=st.data(), value=st.sampled_from(["x", "y" * 2000]))
    def set_metadata(self, data: st.DataObject, value: str) -> None:
        path = self.draw(data)
        self.change(path, metadata=value)
        set_metadata(self.archive, id_of(path), 1024, value.encode(), None)

    @precondition(lambda self: self.model.instances)
    @rule(data=st.data(), size=st.integers(1, 9))
    def attach(self, data: st.DataObject, size: int) -> None:
        path = self.draw(data)
        self.change(path, attachment=size)
        attach(self.archive, id_of(path), 1024, io.BytesIO(bytes(size)), None)

    @precondition(lambda self: self.model.instances)
    @rule(data=st.data())
    def detach(self, data: st.DataObject) -> None:
        path = self.draw(data)
        if self.model.kept_at(path).attachment is not None:
            self.change(path, attachment=None)
            detach(self.archive, id_of(path), 1024, None)

    @precondition(lambda self: self.model.instances)
    @rule(data=st.data(), is_wanted=st.booleans())
    def protect(self, data: st.DataObject, is_wanted: bool) -> None:
        patient = self.draw(data)[:1]
        protect(self.archive, id_of(patient), is_wanted=is_wanted)
        if self.model.kept_at(patient).is_protected != is_wanted:
            self.change(patient, is_protected=is_wanted)
            if not is_wanted:
                self.model.recent(patient[0])

    @precondition(lambda self: self.deletions)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        position = data.draw(st.integers(0, len(self.deletions) - 1))
        deletion = list_deletions(self.archive)[position]
        for name in part_names(self.archive.bucket, deletion.identifier):
            restore_part(self.archive, name)
        finish_restore(self.archive, deletion.identifier)
        gone, told = self.deletions.pop(position)
        for path in gone - self.model.instances:
            self.model.instances.add(path)
            self.model.recent(path[0])
        for path, kept in told.items():
            if path in self.model.resources() and path not in self.model.touched:
                self.model.kept[path] = kept
                self.model.touched.add(path)

    @invariant()
    def agrees(self) -> None:
        settle(self.archive)
        self.deletions += self.model.recycle()
        assert len(list_deletions(self.archive)) == len(self.deletions)
        client = Client(create_app(lambda: self.archive))
        counted: dict[Level, int] = {}
        asked = {"Query": {"PatientID": _PATIENTS}, "ResponseContent": _CONTENT}
        answers = client.posts("/tools/find", [{"Level": level, **asked} for level in Level])
        for n, (level, shown) in enumerate(zip(Level, answers, strict=True), 1):
            wanted = {id_of(path): path for path in self.model.resources() if len(path) == n}
            found = {one["ID"]: one for one in shown.json()}
            assert found.keys() == wanted.keys()
            for identifier, path in wanted.items():
                _compare(found[identifier], self.model.kept_at(path))
            counted[level] = len(found)
        assert_counters_match(self.archive, counted)
        labels = {label for kept in self.model.kept.values() for label in kept.labels}
        assert client.get("/tools/labels").json() == sorted(labels)

    def teardown(self) -> None:
        """Read all files once: what is told of them is compared after each step."""
        client = Client(create_app(lambda: self.archive))
        for path in self.model.instances:
            answer = client.get(f"/instances/{id_of(path)}/file")
            assert answer.content == small_file(path[0], path[1], path[3])
        for path, kept in self.model.kept.items():
            if kept.attachment is not None:
                answer = client.get(f"/series/{id_of(path)}/attachments/1024/data")
                assert answer.content == bytes(kept.attachment)


def _compare(found: dict[str, Any], kept: Kept) -> None:
    assert found["Labels"] == sorted(kept.labels)
    assert found["Metadata"].get("1024") == kept.metadata
    attached = [one for one in found["Attachments"] if one["ContentType"] == 1024]
    sizes = [] if kept.attachment is None else [kept.attachment]
    assert [one["UncompressedSize"] for one in attached] == sizes
    assert found.get("IsProtected", False) is kept.is_protected


@pytest.fixture
def machine(emulated: Archive) -> type[AnyOrder]:
    AnyOrder.archive = configured(emulated, MaximumPatientCount=MOST_PATIENTS)
    return AnyOrder


def run(machine: type[AnyOrder], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            derandomize=examples < 50,
        ),
    )


def test_any_order(machine: type[AnyOrder]) -> None:
    run(machine, examples=30, steps=5)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(10))
def test_any_order_for_long(machine: type[AnyOrder], part: int) -> None:
    """500 runs, in parts that may be done beside one another."""
    run(machine, examples=50, steps=50)
