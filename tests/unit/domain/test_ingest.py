"""What is transcoded on reception."""

from typing import Any

import pytest

from nephele.domain.transcoding import ingest_target
from nephele.settings.configuration import Configuration

_ROOT = "1.2.840.10008.1.2"
_RLE = f"{_ROOT}.5"
_J2K = f"{_ROOT}.4.90"


@pytest.mark.parametrize(
    ("source", "given", "expected"),
    [
        pytest.param(f"{_ROOT}.1", {}, None, id="not asked for"),
        pytest.param(f"{_ROOT}.1", {"ingest_transcoding": ""}, None, id="empty"),
        pytest.param(f"{_ROOT}.1", {"ingest_transcoding": _J2K}, _J2K, id="uncompressed"),
        pytest.param(_J2K, {"ingest_transcoding": _J2K}, None, id="already so"),
        pytest.param(_RLE, {"ingest_transcoding": _J2K}, _J2K, id="compressed"),
        pytest.param("1.2.3", {"ingest_transcoding": _J2K}, None, id="unknown source"),
        pytest.param(f"{_ROOT}.4.102", {"ingest_transcoding": _J2K}, None, id="video"),
        pytest.param(f"{_ROOT}.6.1", {"ingest_transcoding": _J2K}, None, id="MIME"),
        pytest.param(
            f"{_ROOT}.2",
            {"ingest_transcoding": _J2K, "ingest_transcoding_of_uncompressed": False},
            None,
            id="big endian is uncompressed",
        ),
        pytest.param(
            f"{_ROOT}.1.99",
            {"ingest_transcoding": _J2K, "ingest_transcoding_of_uncompressed": False},
            _J2K,
            id="deflated is not",
        ),
        pytest.param(
            _RLE,
            {"ingest_transcoding": _J2K, "ingest_transcoding_of_compressed": False},
            None,
            id="compressed are left alone",
        ),
    ],
)
def test_ingest_target(source: str, given: dict[str, Any], expected: str | None) -> None:
    assert ingest_target(source, Configuration.model_construct(**given)) == expected
