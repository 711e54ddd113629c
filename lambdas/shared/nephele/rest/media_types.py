"""Reading the `Accept` header. See RFC 9110, 12.5.1."""

from __future__ import annotations

from collections.abc import Sequence


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """Return which of the offered media types to send, None where none may be.

    As in Orthanc, the more specific range wins, then the greater weight, then what stands first;
    a range offers its first type. A type of weight 0 is refused, which Orthanc overlooks. Without
    a header the first type is sent.
    """
    if not accept.strip():
        return offered[0]
    ranges = [_parse(item) for item in accept.split(",")]
    refused = {name for name, weight in ranges if weight <= 0}
    wanted = [(name, weight) for name, weight in ranges if weight > 0]
    wanted.sort(key=lambda one: (_specificity(one[0]), one[1]), reverse=True)
    for name, _ in wanted:
        for media_type in offered:
            if _matches(name, media_type) and not _is_refused(media_type, name, refused):
                return media_type
    return None


def _specificity(name: str) -> int:
    return 2 - name.count("*")


def _matches(name: str, media_type: str) -> bool:
    return name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*")


def _is_refused(media_type: str, by: str, refused: set[str]) -> bool:
    """Tell whether a range that is more specific than another one refuses a type."""
    return any(
        _matches(name, media_type) and _specificity(name) > _specificity(by) for name in refused
    )


def _parse(item: str) -> tuple[str, float]:
    """Return a media range and its weight; one that cannot be read weighs 1."""
    name, *parameters = (part.strip().lower() for part in item.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 1.0
    return name, 1.0
