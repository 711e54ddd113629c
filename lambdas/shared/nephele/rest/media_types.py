"""Reading the `Accept` header. See RFC 9110, 12.5.1."""

from __future__ import annotations


def is_acceptable(accept: str, media_type: str) -> bool:
    """Tell whether a media type may be sent; without a header, everything may."""
    if not accept.strip():
        return True
    kind = media_type.partition("/")[0]
    weights = dict(_parse(item) for item in accept.split(","))
    for name in (media_type, f"{kind}/*", "*/*"):
        if name in weights:
            return weights[name] > 0
    return False


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
