"""An application that schemathesis calls, in its own process."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from nephele.domain.levels import Level
from nephele.rest.app import create_app
from nephele.services.archive import Archive
from tests.unit.rest.conftest import read_sample

_SAMPLES = ("CT_small.dcm", "examples_palette.dcm", "rtplan.dcm")
_SEED = 20261121
_ORIGIN = "http://nephele"
_SHAPE_CHECKS = [content_type_conformance, response_schema_conformance]
_TRY_AGAIN = 503
_OFFERS = {
    "frame": ["0", "1"],
    "name": ["dicom", "1024", "RemoteAET", "ReceptionDate"],
    "label": ["seen"],
    "path": ["0010-0010", "PatientName", "300a-00b0/0", "7fe0-0010/0"],
}
"""Path parameters that lead somewhere."""


def as_it_is(_: Any, value: object) -> bytes:
    """Serialize a body that is a file."""
    return value if isinstance(value, bytes) else str(value).encode()


for _media_type in ("application/dicom", "application/zip"):
    schemathesis.serializer(_media_type)(as_it_is)


class Fuzzed:
    """An application with some files in it, and its document with their ids."""

    def __init__(self, archive: Archive) -> None:
        self._app = create_app(lambda: archive)
        self._document: dict[str, Any] = self._send("GET", "/openapi.json").json()

    def operations(self, paths: set[str]) -> list[Any]:
        """Return schemathesis' operations of some paths; what is stored is what they take."""
        document = copy.deepcopy(self._document)
        document["paths"] = {
            path: verbs for path, verbs in document["paths"].items() if path in paths
        }
        stored = self.fill()
        for path, verbs in document["paths"].items():
            offers = {**_OFFERS, "identifier": stored.get(path.split("/")[1], [])}
            for operation in verbs.values():
                _offer(operation, offers)
        schema = schemathesis.openapi.from_dict(document)
        return [result.ok() for result in schema.get_all_operations()]

    def fill(self) -> dict[str, list[str]]:
        """Store the samples, whatever was done to them; return the ids of each level."""
        for name in _SAMPLES:
            self._send("POST", "/instances", content=read_sample(name))
        return {
            level.collection: self._send("GET", f"/{level.collection}").json() for level in Level
        }

    def failure(self, operation: Any, examples: int) -> str:
        """Call an operation with what the document allows and forbids; tell what went wrong.

        An answer must be no 5xx but 503, and one that the document has: status, media type, shape.
        """
        failures: list[str] = []
        if operation.method.upper() != "GET":
            self.fill()

        @seed(_SEED)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=_any_case(operation))
        def call(case: Case) -> None:
            if not failures and (failed := self._failure_of(case)):
                failures.append(f"{failed}\n{case.as_curl_command()[:500]}")

        call()
        return f"{operation.label}: {failures[0]}" if failures else ""

    def _failure_of(self, case: Case) -> str:
        answer = self._call(case)
        if answer.status_code >= 500 and answer.status_code != _TRY_AGAIN:
            return f"{answer.status_code} {answer.text[:300]}"
        checks = [status_code_conformance, *(_SHAPE_CHECKS if answer.content else [])]
        try:
            case.validate_response(answer, checks=checks)
        except BaseExceptionGroup as failed:
            return "\n".join(str(one)[:800] for one in failed.exceptions)
        return ""

    def _call(self, case: Case) -> httpx.Response:
        known = case.as_transport_kwargs(base_url=_ORIGIN)
        known.pop("cookies", None)
        prepared = requests.Request(**known).prepare()
        return self._send(
            str(prepared.method),
            str(prepared.url),
            headers=dict(prepared.headers),
            content=prepared.body or b"",
        )

    def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, client=("192.0.2.7", 1))
            async with httpx.AsyncClient(transport=transport, base_url=_ORIGIN) as client:
                return await client.request(method, url, **options)

        return asyncio.run(send())


def _any_case(operation: Any) -> SearchStrategy[Case]:
    strategies = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
    strategy, *others = strategies
    for other in others:
        strategy |= other
    return strategy


def _offer(operation: dict[str, Any], offers: dict[str, list[str]]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and offers.get(parameter["name"]):
            parameter["schema"] = {"type": "string", "enum": offers[parameter["name"]]}
