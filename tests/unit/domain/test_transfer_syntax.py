"""Transfer syntaxes and which are accepted."""

from typing import Any

import pytest
from pydicom.uid import UID

from nephele.domain.transfer_syntax import (
    TRANSFER_SYNTAXES,
    TransferSyntax,
    accepted_transfer_syntaxes,
    is_known,
    transfer_syntax,
)
from nephele.settings.configuration import Configuration

_ROOT = "1.2.840.10008.1.2"
_ALL = tuple(syntax.uid for syntax in TRANSFER_SYNTAXES)


def accepted(**options: Any) -> tuple[str, ...]:
    return accepted_transfer_syntaxes(Configuration.model_construct(**options))


def test_known_ones_are_orthanc_s_in_its_order() -> None:
    suffixes = ["", ".1", ".1.99", ".2", *(f".4.{n}" for n in range(50, 67)), ".4.70"]
    suffixes += [".4.80", ".4.81", *(f".4.{n}" for n in range(90, 96))]
    suffixes += [*(f".4.{n}" for n in range(100, 109)), ".5", ".6.1", ".6.2"]
    suffixes += [".4.110", ".4.111", ".4.112", ".4.201", ".4.202", ".4.203"]
    assert [_ROOT + suffix for suffix in suffixes] == list(_ALL)


def _is_described_by_pydicom(syntax: TransferSyntax) -> bool:
    jpip_and_mime = (".4.94", ".4.95", ".6.1", ".6.2")
    return UID(syntax.uid).is_transfer_syntax and not syntax.uid.endswith(jpip_and_mime)


@pytest.mark.parametrize(
    "syntax",
    [syntax for syntax in TRANSFER_SYNTAXES if _is_described_by_pydicom(syntax)],
    ids=lambda syntax: syntax.uid,
)
def test_row_agrees_with_pydicom_where_it_knows_the_syntax(syntax: TransferSyntax) -> None:
    uid = UID(syntax.uid)
    assert uid.is_implicit_VR == syntax.is_implicit_vr
    assert uid.is_little_endian == syntax.is_little_endian
    assert uid.is_deflated == syntax.is_deflated
    assert uid.is_encapsulated == syntax.is_encapsulated
    assert uid.is_retired == syntax.is_retired


def test_unknown_syntax_is_taken_for_an_encapsulated_explicit_one() -> None:
    syntax = transfer_syntax("1.2.3")
    assert not is_known("1.2.3")
    assert (syntax.is_implicit_vr, syntax.is_little_endian, syntax.is_encapsulated) == (
        False,
        True,
        True,
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, _ALL, id="everything by default"),
        pytest.param(
            {"accepted_transfer_syntaxes": (_ROOT, f"{_ROOT}.4.9?")},
            tuple(uid for uid in _ALL if uid == _ROOT or (uid.startswith(f"{_ROOT}.4.9"))),
            id="a UID and a wildcard of one character",
        ),
        pytest.param({"accepted_transfer_syntaxes": ("1.3.*",)}, (), id="no match, none"),
        pytest.param(
            {"accepted_transfer_syntaxes": (_ROOT,), "rle_transfer_syntax_accepted": True},
            (_ROOT, f"{_ROOT}.5"),
            id="a switch adds its group",
        ),
        pytest.param(
            {
                "accepted_transfer_syntaxes": (f"{_ROOT}.4.8*",),
                "jpeg_lossless_transfer_syntax_accepted": False,
            },
            (),
            id="a switch takes its group away",
        ),
        pytest.param(
            {
                "accepted_transfer_syntaxes": (),
                "jpeg_transfer_syntax_accepted": True,
                "deflated_transfer_syntax_accepted": True,
            },
            (
                f"{_ROOT}.1.99",
                *(f"{_ROOT}.4.{number}" for number in range(50, 67)),
                f"{_ROOT}.4.70",
            ),
            id="JPEG without JPEG-LS, and Deflated",
        ),
        pytest.param(
            {
                "accepted_transfer_syntaxes": (),
                "jpeg2000_transfer_syntax_accepted": True,
                "jpip_transfer_syntax_accepted": True,
                "mpeg2_transfer_syntax_accepted": True,
                "mpeg4_transfer_syntax_accepted": True,
                "h265_transfer_syntax_accepted": True,
            },
            tuple(f"{_ROOT}.4.{number}" for number in (*range(90, 96), *range(100, 109))),
            id="the other groups",
        ),
    ],
)
def test_accepted(options: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert accepted(**options) == expected
