"""Instances by the SOP Instance UID they came with, where lossy transcoding gave them another.

Such a row stands among the look-up rows of the original UID, so that looking that up finds the
instance too. It goes with the instance.
"""

from __future__ import annotations

from nephele.aws.index import Index, codec, keys
from nephele.aws.index.table import Row
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.provenance import Provenance

_SOP_INSTANCE_UID = "0008,0018"


def original_row(provenance: Provenance, orthanc_id: OrthancId) -> Row | None:
    """Return the row that finds an instance by its original UID, None where it has no other."""
    uid = provenance.original_sop_instance_uid
    if not uid:
        return None
    key = keys.key(keys.identifier(_SOP_INSTANCE_UID, uid), orthanc_id)
    return {**key, "o": codec.text(uid), "h": codec.text(provenance.original_digest)}


def find_original(index: Index, sop_instance_uid: str, digest: str) -> OrthancId | None:
    """Return the instance that was made of a data set, None if there is none.

    Parameters
    ----------
    sop_instance_uid : str
        As it was received.
    digest : str
        SHA-256 of the received data set, in hexadecimal: other content under the same UID does not
        count.
    """
    rows = index.table.iter_query(keys.identifier(_SOP_INSTANCE_UID, sop_instance_uid))
    found = (OrthancId(row["sk"]["S"]) for row in rows if row.get("h", {}).get("S") == digest)
    return next((one for one in found if index.resource(one) is not None), None)
