"""What is accepted follows options that are changed over REST."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from pynetdicom import AE

from dimse_edge.negotiation import ACCEPTED, Acceptance, acceptance
from dimse_edge.site import Site, open_site
from nephele.errors import Unavailable
from nephele.services import modalities, overrides
from nephele.services.modalities import (
    KnownModalities,
    begin_modalities,
    define_modality,
    forget_modality,
)
from nephele.services.overrides import Followed
from nephele.settings.configuration import Configuration
from tests.unit.conftest import empty_archive

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"


def _accepts(acceptance: Acceptance, abstract_syntax: str, transfer_syntax: str) -> bool:
    return acceptance.result(abstract_syntax, [transfer_syntax])[0] == ACCEPTED


def test_options_count_for_the_next_association(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("nephele.services.overrides.time.monotonic", lambda: now)
    with empty_archive() as archive:
        site = open_site(archive)
        first = site.acceptance(now)
        assert site.acceptance(now) is first, "nothing is worked out anew while nothing changes"
        assert _accepts(first, CT, EXPLICIT)
        assert not _accepts(first, "1.2.3.4", EXPLICIT)
        other = replace(archive, followed=Followed())
        overrides.set_accepted_transfer_syntaxes(other, (RLE,))
        overrides.set_unknown_sop_class_accepted(other, is_accepted=True)
        assert site.acceptance(now) is first, "it began before"
        now += 0.001
        later = site.acceptance(now)
        assert not _accepts(later, CT, EXPLICIT)
        assert _accepts(later, CT, RLE)
        assert _accepts(later, "1.2.3.4", RLE)


def test_modalities_count_for_the_next_association(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("nephele.services.modalities.time.monotonic", lambda: now)
    with empty_archive() as archive:
        site = open_site(archive)
        assert site.rules(now).find_modality("CT1") is None
        other = replace(archive, known_modalities=KnownModalities())
        define_modality(other, "scanner", ["CT1", "127.0.0.1", 104])
        assert site.rules(now).find_modality("CT1") is None, "it began before"
        now += 0.001
        found = site.rules(now).find_modality("CT1")
        assert found is not None
        forget_modality(other, "scanner")
        assert site.rules(now + 0.001).find_modality("CT1") is None


class _Contended(Site):
    """Another association puts what it accepts in the place at once, each time."""

    __slots__ = ("_others",)

    @property
    def accepted(self) -> Acceptance:
        return self._others

    @accepted.setter
    def accepted(self, value: Acceptance) -> None:
        self._others = acceptance(Configuration())


def test_an_association_that_began_earlier_takes_no_options_away() -> None:
    with empty_archive() as archive:
        site = _Contended(archive, acceptance(archive.configuration), AE())
        overrides.set_unknown_sop_class_accepted(archive, is_accepted=True)
        assert _accepts(site.acceptance(time.monotonic()), "1.2.3.4", EXPLICIT)


def test_what_is_known_counts_while_the_table_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with empty_archive() as archive:
        site = open_site(archive)
        overrides.set_unknown_sop_class_accepted(archive, is_accepted=True)
        define_modality(archive, "scanner", ["CT1", "127.0.0.1", 104])
        first = site.acceptance(time.monotonic())
        assert site.rules(time.monotonic()).find_modality("CT1") is not None
        define_modality(archive, "other", ["CT2", "127.0.0.1", 104])

        def fail(*_: object) -> None:
            raise Unavailable("index: away")

        for name in ("read_definitions", "begin_definitions"):
            monkeypatch.setattr(modalities.definitions, name, fail)
        monkeypatch.setattr(overrides, "read_overrides", fail)
        now = time.monotonic()
        assert site.acceptance(now) is first
        assert _accepts(first, "1.2.3.4", EXPLICIT)
        assert site.rules(now).find_modality("CT1") is not None
        assert site.rules(now).find_modality("CT2") is None, "nothing was read"
        begun = begin_modalities(archive, now + 1)
        assert begun is None
        assert "scanner" in modalities.modalities(archive, now + 1, begun), "as C-MOVE asks"
