"""Images of every kind a preview is made of (PS3.3 C.7.6.3)."""

from __future__ import annotations

import struct
from typing import Any

from tests.differential.part10 import (
    Elements,
    Value,
    numbers,
    pixels,
    secondary_capture,
    sequence,
    text,
)

_ROOT = "1.2.826.0.1.3680043.2.1143.9"
_ROWS, _COLUMNS = 6, 5
_SIZE = _ROWS * _COLUMNS
_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_BYTES = bytes(n * 7 % 256 for n in range(_SIZE * 6))


def _words(*values: float, code: str = "H") -> bytes:
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


_INTEGRAL = [0x00280101, 0x00280102, 0x00280103, 0x7FE00010]
"""What an image of floating point does not have."""


def _window(function: str = "") -> dict[int, Value]:
    window = {0x00281050: text("DS", "100"), 0x00281051: text("DS", "80")}
    return window | ({0x00281056: text("CS", function)} if function else {})


def _groups(sequence_of_groups: int, count: int) -> dict[int, Value]:
    """Return functional groups, each with another window (PS3.3 C.7.6.16)."""
    groups = [
        {
            0x00289132: sequence(
                {0x00281050: text("DS", str(50 + 60 * n)), 0x00281051: text("DS", "60")}
            )
        }
        for n in range(count)
    ]
    return {sequence_of_groups: sequence(*groups)}


def _table(entries: int) -> Value:
    falling = (65535 - n * 255 for n in range(entries))
    descriptor, data = numbers("US", entries, 0, 16), Value("OW", _words(*falling))
    return sequence({0x00283002: descriptor, 0x00283006: data})


def _segmented_palette() -> dict[int, Value]:
    """Return a palette of a single entry and a line from it (PS3.3 C.7.9.2)."""
    descriptors = {0x00281101 + channel: numbers("US", 256, 0, 16) for channel in range(3)}
    return descriptors | {
        0x00281221 + channel: Value("OW", _words(0, 1, 0, 1, 255, 20000 * (channel + 1)))
        for channel in range(3)
    }


def _floats(tag: int, vr: str, code: str, bits: int) -> dict[int, Value]:
    """Return an image of floating point (PS3.3 C.7.6.24 and C.7.6.25)."""
    elements = _image(b"", allocated=bits)
    return elements | {tag: Value(vr, _words(*(n / 4 for n in range(_SIZE)), code=code))}


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
        "a window of a stated function": _image(_BYTES[:_SIZE], _window("SIGMOID")),
        "a window of each frame": _image(_BYTES[: _SIZE * 3], frames | _groups(_PER_FRAME, 3)),
        "a window of all frames": _image(_BYTES[: _SIZE * 3], frames | _groups(_SHARED, 1)),
        "a tiny slope": _image(
            _words(*falling),
            {0x00281052: text("DS", "0"), 0x00281053: text("DS", "0.00001")} | _window(),
            allocated=16,
        ),
        "a VOI table": _image(_BYTES[:_SIZE], {0x00283010: _table(256)}),
        "a modality table": _image(_BYTES[:_SIZE], {0x00283000: _table(256)}),
        "10 bits": _image(_words(*(n * 34 for n in range(_SIZE))), allocated=16, stored=10),
        "32 bits signed": _image(_words(*rising, code="i"), allocated=32, is_signed=True),
        "RGB of a window": _image(_BYTES[: _SIZE * 3], _window(), samples=3, interpretation="RGB"),
        "a segmented palette": _image(
            _BYTES[:_SIZE], _segmented_palette(), interpretation="PALETTE COLOR"
        ),
        "floating point": _floats(0x7FE00008, "OF", "f", 32),
        "double floating point": _floats(0x7FE00009, "OD", "d", 64),
        "too few pixels": _image(_BYTES[: _SIZE // 2]),
        "too many pixels": _image(_BYTES[: _SIZE + 20]),
        "pixels without a size": {0x00280010: numbers("US", 0), 0x00280011: numbers("US", 0)},
        "an unknown interpretation": _image(_BYTES[:_SIZE], interpretation="MAGIC"),
    }


def pictures() -> dict[str, bytes]:
    """Return them by name, and an instance without any pixels."""
    files = {
        f"image of {name}": _file(number, elements, _INTEGRAL if "floating" in name else None)
        for number, (name, elements) in enumerate(_elements().items())
    }
    files["no image"] = _file(len(files), {}, without=[0x7FE00010, 0x00280010, 0x00280011])
    return files


def _file(number: int, elements: Elements, without: list[int] | None = None) -> bytes:
    study = f"{_ROOT}.{number}"
    return secondary_capture(
        f"PICTURE {number}", study, f"{study}.1", f"{study}.1.1", elements, without or ()
    )
