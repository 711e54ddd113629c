"""Storage classes by how common they are in hospitals: which to name where not all can be."""

from __future__ import annotations

from collections.abc import Iterable

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_COMMON = (
    *("2", "4", "1", "1.1", "1.2", "6.1", "3.1", "12.1", "12.2", "20", "128"),  # CT to PET
    *("7", "7.1", "7.2", "7.3", "7.4"),  # secondary captures
    *("88.11", "88.22", "88.33", "88.34", "88.35"),  # structured reports
    *("88.67", "88.50", "88.65", "88.69", "88.40", "88.68", "88.76"),  # doses, CAD, logs
    *("88.59", "104.1", "104.2", "11.1", "11.2", "11.3", "11.4"),  # KO, PDF, CDA, PR
    *("481.1", "481.2", "481.3", "481.5", "481.8", "481.4", "481.9", "481.6", "481.7"),  # RT
    *("66.4", "66.1", "66.3", "66.2", "66", "67", "30", "66.5"),  # SEG, REG, raw data
    *("2.1", "4.1", "130", "4.2", "4.3", "12.1.1", "12.2.1", "2.2", "4.4", "128.1"),  # enhanced
    *("13.1.3", "1.1.1", "1.2.1", "1.3", "1.3.1", "13.1.1", "13.1.2", "13.1.4", "13.1.5"),  # X-ray
    *("77.1.5.4", "77.1.5.1", "77.1.5.2"),  # OPT, OP
    *("9.1.1", "9.1.2", "9.1.3", "9.1.4", "9.2.1", "9.3.1", "9.4.1"),  # ECG and other waveforms
    *("77.1.4", "77.1.1", "77.1.2", "77.1.3", "77.1.6"),  # visible light
    *("77.1.1.1", "77.1.2.1", "77.1.4.1", "77.1.7"),  # video, dermoscopy
    *("6.2", "14.1", "14.2", "11.5", "11.8", "104.3", "104.4", "104.5"),
    *("3", "5", "6", "12.3"),  # retired, in old archives
    *("88.71", "88.72", "88.73", "80.1", "81.1", "82.1", "79.1"),
    *("78.1", "78.2", "78.3", "78.4", "78.5", "78.6", "78.7", "78.8"),  # ophthalmic measurements
)
_PLACE = {_STORAGE + suffix: place for place, suffix in enumerate(_COMMON)}


def by_frequency(uids: Iterable[str]) -> list[str]:
    """Return storage classes with the common ones first; the others keep their order."""
    return sorted(uids, key=lambda uid: _PLACE.get(uid, len(_PLACE)))
