"""The section `Worklists`, of Orthanc's plugin of that name."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal


class Worklists(BaseModel):
    """Whether and how modality worklists are served.

    Members without a description are accepted and have no effect: worklists live in the table.

    Attributes
    ----------
    enable : bool
        The edge offers Modality Worklist.
    filter_issuer_aet : bool
        Who asks for no station gets what is scheduled for itself.
    limit_answers : int
        Most answers of one query; 0 is no limit.
    set_study_instance_uid_if_missing : bool
        Worklists that are made without a Study Instance UID get one.
    """

    model_config = ConfigDict(
        alias_generator=to_pascal, frozen=True, strict=True, extra="forbid", populate_by_name=True
    )

    enable: bool = False
    filter_issuer_aet: bool = False
    limit_answers: Annotated[int, Field(ge=0)] = 0
    set_study_instance_uid_if_missing: bool = True
    database: str = ""
    directory: str = ""
    save_in_orthanc_database: bool = False
    delete_worklists_on_stable_study: bool = False
    housekeeping_interval: Annotated[int, Field(ge=0)] = 60
    delete_worklists_delay: Annotated[int, Field(ge=0)] = 0
    log_matched_worklist_ids: bool = False
