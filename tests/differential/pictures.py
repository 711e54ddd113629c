"""Images of every kind a preview is made of (PS3.3 C.7.6.3)."""

from __future__ import annotations

import struct
from typing import Any

from tests.differential.part10 import Elements, Value, numbers, pixels, secondary_capture, text

_ROOT = "1.2.826.0.1.3680043.2.1143.9"
_ROWS, _COLUMNS = 6, 5
_SIZE = _ROWS * _COLUMNS
_BYTES = bytes(n * 7 % 256 for n in range(_SIZE * 6))


def _words(*values: int, code: str = "H") -> bytes:
    return struct.pack(f"<{len(values)}{code}", *values)


def _image(data: bytes, extra: Elements | None = None, **options: Any) -> dict[int, Value]:
    return pixels(data, _ROWS, _COLUMNS, **options) | dict(extra or {})


def _palette(bits: int, code: str = "H") -> dict[int, Value]:
    table = {
        0x00281201 + channel: Value(
            "OW", _words(*((n * (channel + 1) * 257) % 65536 for n in range(256)), code=code)
        )
        for channel in range(3)
    }
    return table | {0x00281101 + channel: numbers("US", 256, 0, bits) for channel in range(3)}


def _elements() -> dict[str, dict[int, Value]]:
    frames = {0x00280008: text("IS", "3")}
    rising, falling = range(-15, 15), range(65535, 65535 - _SIZE, -1)
    return {
        "8 bits": _image(_BYTES[:_SIZE]),
        "8 bits inverted": _image(_BYTES[:_SIZE], interpretation="MONOCHROME1"),
        "8 bits signed": _image(_BYTES[:_SIZE], is_signed=True),
        "one grey": _image(b"\x80" * _SIZE),
        "one grey inverted": _image(b"\x80" * _SIZE, interpretation="MONOCHROME1"),
        "two greys": _image(b"\x10\x11" * (_SIZE // 2)),
        "16 bits": _image(_words(*falling), allocated=16),
        "16 bits signed": _image(_words(*rising, code="h"), allocated=16, is_signed=True),
        "12 bits signed": _image(
            _words(*(n & 0xFFF for n in rising)), allocated=16, stored=12, is_signed=True
        ),
        "12 bits with an overlay above": _image(
            _words(*(n * 60 | 0x8000 for n in range(_SIZE))), allocated=16, stored=12
        ),
        "16 bits inverted": _image(_words(*falling), allocated=16, interpretation="MONOCHROME1"),
        "32 bits": _image(_words(*range(_SIZE), code="I"), allocated=32),
        "1 bit": _image(_BYTES[:4], allocated=1),
        "RGB": _image(_BYTES[: _SIZE * 3], samples=3, interpretation="RGB"),
        "RGB by plane": _image(_BYTES[: _SIZE * 3], samples=3, interpretation="RGB", planar=1),
        "RGB of 16 bits": _image(_BYTES, samples=3, interpretation="RGB", allocated=16),
        "YBR_FULL": _image(_BYTES[: _SIZE * 3], samples=3, interpretation="YBR_FULL"),
        "palette of 8 bits": _image(_BYTES[:_SIZE], _palette(16), interpretation="PALETTE COLOR"),
        "palette into 16 bits": _image(
            _words(*(n * 8 for n in range(_SIZE))),
            _palette(16),
            interpretation="PALETTE COLOR",
            allocated=16,
        ),
        "three frames": _image(_BYTES[: _SIZE * 3], frames),
        "three frames of RGB": _image(_BYTES[:_SIZE] * 9, frames, samples=3, interpretation="RGB"),
        "frames that are missing": _image(_BYTES[:_SIZE], frames),
        "a window": _image(
            _BYTES[:_SIZE], {0x00281050: text("DS", "10"), 0x00281051: text("DS", "5")}
        ),
        "a slope": _image(
            _BYTES[:_SIZE], {0x00281052: text("DS", "-1024"), 0x00281053: text("DS", "2")}
        ),
        "too few pixels": _image(_BYTES[: _SIZE // 2]),
        "too many pixels": _image(_BYTES[: _SIZE + 20]),
        "pixels without a size": {0x00280010: numbers("US", 0), 0x00280011: numbers("US", 0)},
        "an unknown interpretation": _image(_BYTES[:_SIZE], interpretation="MAGIC"),
    }


def pictures() -> dict[str, bytes]:
    """Return them by name, and an instance without any pixels."""
    files = {
        f"image of {name}": _file(number, elements)
        for number, (name, elements) in enumerate(_elements().items())
    }
    files["no image"] = _file(len(files), {}, without=[0x7FE00010, 0x00280010, 0x00280011])
    return files


def _file(number: int, elements: Elements, without: list[int] | None = None) -> bytes:
    study = f"{_ROOT}.{number}"
    return secondary_capture(
        f"PICTURE {number}", study, f"{study}.1", f"{study}.1.1", elements, without or ()
    )
