"""What is accepted follows options that are changed over REST."""

from __future__ import annotations

import pytest

from dimse_edge.negotiation import ACCEPTED, Acceptance
from dimse_edge.site import open_site
from nephele.services import overrides
from tests.unit.conftest import empty_archive

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"


def _accepts(acceptance: Acceptance, abstract_syntax: str, transfer_syntax: str) -> bool:
    return acceptance.result(abstract_syntax, [transfer_syntax])[0] == ACCEPTED


def test_options_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("nephele.services.overrides.time.monotonic", lambda: now)
    with empty_archive() as archive:
        site = open_site(archive)
        first = site.acceptance
        assert site.acceptance is first, "nothing is worked out anew while nothing changes"
        assert _accepts(first, CT, EXPLICIT)
        assert not _accepts(first, "1.2.3.4", EXPLICIT)
        overrides.set_accepted_transfer_syntaxes(archive, (RLE,))
        overrides.set_unknown_sop_class_accepted(archive, is_accepted=True)
        now += overrides.FOLLOWED_SECONDS
        assert not _accepts(site.acceptance, CT, EXPLICIT)
        assert _accepts(site.acceptance, CT, RLE)
        assert _accepts(site.acceptance, "1.2.3.4", RLE)
