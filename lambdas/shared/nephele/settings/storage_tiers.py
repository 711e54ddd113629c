"""Nephele's own `StorageTiers`: where the bucket keeps instances as they grow older."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

Days = Annotated[int, Field(ge=1, le=36_500)]


class StorageTiers(BaseModel):
    """Storage classes of S3 by age since reception; None where a class is not used.

    Attributes
    ----------
    intelligent_tiering : bool
        S3 moves what is not read to cheaper tiers by itself, and reads it at once.
    glacier_instant_retrieval_days, glacier_flexible_retrieval_days, glacier_deep_archive_days
        Instances older than this are kept there. The last two must be restored before they are
        read: that begins with the first read, and takes hours.
    restore_days : int
        How long what was restored can be read.
    """

    model_config = ConfigDict(
        alias_generator=to_pascal, frozen=True, strict=True, extra="forbid", populate_by_name=False
    )

    intelligent_tiering: bool = True
    glacier_instant_retrieval_days: Days | None = None
    glacier_flexible_retrieval_days: Days | None = None
    glacier_deep_archive_days: Days | None = None
    restore_days: Annotated[int, Field(ge=1, le=365)] = 7

    @property
    def needs_restore(self) -> bool:
        """Tell whether instances may be kept where they must be restored before they are read."""
        days = (self.glacier_flexible_retrieval_days, self.glacier_deep_archive_days)
        return any(age is not None for age in days)
