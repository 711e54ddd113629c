"""What is accepted follows options that are changed over REST."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from dimse_edge.negotiation import ACCEPTED, Acceptance
from dimse_edge.site import open_site
from nephele.errors import Unavailable
from nephele.services import modalities, overrides
from nephele.services.modalities import KnownModalities, define_modality, forget_modality
from nephele.services.overrides import Followed
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


def test_what_is_known_counts_while_the_table_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with empty_archive() as archive:
        site = open_site(archive)
        first = site.acceptance(time.monotonic())

        def fail(*_: object) -> None:
            raise Unavailable("index: away")

        for module in (overrides, modalities.definitions):
            name = "read_overrides" if module is overrides else "read_definitions"
            monkeypatch.setattr(module, name, fail)
        assert site.acceptance(time.monotonic()) is first
        assert site.rules(time.monotonic()).find_modality("CT1") is None
