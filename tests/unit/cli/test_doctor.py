"""`nephele doctor`: what it makes of the server's answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from nephele.cli.doctor_command import Finding, Verdict, _iter_configuration, _iter_findings
from nephele.services.modalities import configuration_of
from nephele.settings.modality import read_modality

_ADDRESS = 'AET "PACS" at 10.0.0.1:104: '
_REFUSED = "it cannot be connected to: connection refused (connecting)"
_SUBJECT = "modality pacs (PACS at 10.0.0.1:104)"


def _findings(modality: dict[str, Any], error: str) -> list[Finding]:
    """Examine a server that knows one modality, whose C-ECHO ends so."""
    entry = read_modality({"AET": "PACS", "Host": "10.0.0.1", "Port": 104, **modality})
    answers: dict[str, Any] = {
        "/system": {"Name": "here"},
        "/modalities": ["pacs"],
        "/modalities/pacs/configuration": configuration_of(entry),
        "/peers": [],
        "/dead-letters": [],
        "/refused-associations": [],
    }

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/modalities/pacs/echo":
            return httpx.Response(500 if error else 200, json={"Details": error} if error else {})
        return httpx.Response(200, content=json.dumps(answers[request.url.path]))

    with httpx.Client(base_url="http://server", transport=httpx.MockTransport(answer)) as client:
        return list(_iter_findings(None, client))


@pytest.mark.parametrize(
    ("modality", "error", "expected"),
    [
        pytest.param({}, "", Finding(Verdict.OK, _SUBJECT), id="there"),
        pytest.param(
            {},
            _ADDRESS + _REFUSED,
            Finding(
                Verdict.WRONG,
                _SUBJECT,
                f"{_REFUSED}: nothing listens there: check the modality's Host and Port",
            ),
            id="away",
        ),
        pytest.param(
            {},
            f"{_ADDRESS}it fails strangely",
            Finding(Verdict.WRONG, _SUBJECT, "it fails strangely"),
            id="what nobody knows",
        ),
        pytest.param(
            {"AllowTranscoding": False},
            _ADDRESS + _REFUSED,
            Finding(
                Verdict.WRONG,
                _SUBJECT,
                f"{_REFUSED}: nothing listens there: check the modality's Host and Port",
            ),
            id="away, and nothing is transcoded for it",
        ),
        pytest.param(
            {"AllowStore": False, "AllowMove": False},
            _ADDRESS + _REFUSED,
            Finding(
                Verdict.NOTE,
                _SUBJECT,
                f"{_REFUSED}: right if it only calls (AllowStore is false, AllowMove is false)",
            ),
            id="away, and it may only query",
        ),
        pytest.param(
            {},
            f"{_ADDRESS}it does not offer C-ECHO",
            Finding(Verdict.NOTE, _SUBJECT, "it is there, but does not offer C-ECHO"),
            id="there without C-ECHO",
        ),
    ],
)
def test_a_modality(modality: dict[str, Any], error: str, expected: Finding) -> None:
    found = _findings(modality, error)
    (told,) = [one for one in found if one.subject.startswith("modality")]
    assert told == expected
    assert [one.verdict for one in found if one is not told] == [Verdict.OK, Verdict.OK]


@pytest.mark.parametrize(
    ("options", "verdicts", "told"),
    [
        ({}, [Verdict.OK], ""),
        ({"AutoForward": [{"ToPeer": "x"}]}, [Verdict.OK, Verdict.NOTE], "OrthancPeers has no 'x'"),
        ({"DefaultEncoding": "Klingon"}, [Verdict.WRONG], "'Klingon' is no encoding"),
    ],
    ids=str,
)
def test_a_configuration_is_checked_as_at_a_start(
    options: dict[str, Any], verdicts: list[Verdict], told: str, tmp_path: Path
) -> None:
    file = tmp_path / "orthanc.json"
    file.write_text(json.dumps(options))
    found = list(_iter_configuration(file))
    assert [one.verdict for one in found] == verdicts
    assert told in found[-1].told
