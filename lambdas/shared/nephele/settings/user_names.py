"""Names that users give to metadata and attachments: `UserMetadata` and `UserContentType`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

UserNumber = Annotated[int, Field(ge=1024, le=65535)]
ANY_BYTES = "application/octet-stream"


class UserContent(BaseModel):
    """What `UserContentType` says of a name: the number, and the media type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: UserNumber
    media_type: str = ANY_BYTES


def parse_user_content(value: object) -> object:
    """Accept Orthanc's forms: a number, or an array of the number and a media type."""
    if isinstance(value, list) and len(value) == 2:
        return {"number": value[0], "media_type": value[1]}
    return {"number": value} if isinstance(value, int) else value


def check_distinct(numbers: list[int]) -> None:
    """Refuse a number that two names stand for."""
    if len(set(numbers)) < len(numbers):
        raise ValueError("two names have the same number")
