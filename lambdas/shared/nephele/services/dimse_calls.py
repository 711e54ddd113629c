"""What REST asks the edge to do with others: jobs that carry all the edge needs to know.

What it asks them for is in `nephele.services.dimse_queries`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from nephele.aws import clock
from nephele.aws.keys import job_key
from nephele.aws.multipart import PART_BYTES
from nephele.domain.jobs import Document, Job
from nephele.domain.orthanc_id import OrthancId, is_orthanc_id
from nephele.domain.part10 import inspect_part10
from nephele.domain.resources import Resource
from nephele.domain.uids import new_transaction_uid
from nephele.errors import BadFileFormat, UnknownResource
from nephele.services.archive import Archive
from nephele.services.exports import log_export
from nephele.services.hierarchy import resources_in_order
from nephele.services.jobs.submit import JobOptions, submit
from nephele.services.overrides import followed
from nephele.services.receive import md5_of
from nephele.services.resolve import instances_of
from nephele.settings.modality import Modality

DESCRIPTION = "REST API"


@dataclass(frozen=True, slots=True)
class Call:
    """Whom to call, and how.

    Attributes
    ----------
    name : str
        Symbolic name of the modality, "" for one that is not registered.
    local_aet : str
        As whom; "" leaves it to the modality and the configuration.
    timeout : int or None
        Seconds, None for what modality and configuration say.
    """

    name: str
    modality: Modality
    local_aet: str = ""
    timeout: int | None = None

    def request(self, **more: Any) -> Document:
        """Return what a job needs to know of it, and more."""
        return {
            "Modality": self.modality.model_dump(by_alias=True),
            "LocalAet": self.local_aet,
            "Timeout": self.timeout,
            **more,
        }

    def calling_aet(self, archive: Archive) -> str:
        """Return the AE title the edge calls itself then."""
        return self.modality.local_aet or self.local_aet or archive.configuration.dicom_aet


def submit_echo(archive: Archive, call: Call, *, check_find: bool | None = None) -> Job:
    """Ask for a C-ECHO, and a C-FIND if `DicomEchoChecksFind` or the caller wants one."""
    default = archive.configuration.dicom_echo_checks_find
    check = default if check_find is None else check_find
    return submit(archive, "DicomEcho", call.request(CheckFind=check))


def submit_straight(archive: Archive, call: Call, file: BinaryIO) -> Job:
    """Ask for a C-STORE of a file that is not kept.

    Raises
    ------
    BadFileFormat, MissingIdentifier
        It is no whole DICOM file.
    """
    inspected = inspect_part10(file, followed(archive).default_encoding)
    key = job_key(f"{clock.new_uuid()}.dcm")
    digest = md5_of(file)
    if inspected.size_bytes <= PART_BYTES:
        archive.bucket.put(key, file.read(), {}, digest)
    else:
        archive.bucket.put_large(key, file, {})
    named = {
        "SOPClassUID": inspected.sop_class_uid,
        "SOPInstanceUID": inspected.identity.sop_instance_uid,
    }
    request = call.request(
        Key=key,
        Offset=inspected.data_set_offset,
        TransferSyntaxUID=inspected.transfer_syntax_uid,
        **named,
    )
    return submit(archive, "DicomStoreStraight", request, content=named)


def submit_store(
    archive: Archive,
    call: Call,
    identifiers: Sequence[str],
    options: JobOptions,
    *,
    originator: tuple[str, int] | None = None,
    has_commitment: bool = False,
) -> Job:
    """Ask for C-STOREs of resources of any level.

    Raises
    ------
    BadFileFormat
        Something is no id.
    UnknownResource
        There is no such resource.
    """
    resources = require_all(archive, identifiers)
    for resource in resources:
        log_export(archive, resource, call.name)
    request = call.request(Resources=list(identifiers))
    content: Document = {
        "Description": DESCRIPTION,
        "InstancesCount": 0,
        "FailedInstancesCount": 0,
        "LocalAet": call.calling_aet(archive),
        "RemoteAet": call.modality.aet,
    }
    if resources:
        content["Resources"] = [
            {"ID": one.orthanc_id, "Type": one.level.value} for one in resources
        ]
        content["ParentResources"] = list(identifiers)
    if originator is not None:
        content["MoveOriginatorAET"], content["MoveOriginatorID"] = originator
        request["MoveOriginatorAET"], request["MoveOriginatorID"] = originator
    if has_commitment:
        content["StorageCommitmentTransactionUID"] = new_transaction_uid()
    return submit(archive, "DicomModalityStore", request, options, content)


def require_all(archive: Archive, identifiers: Iterable[str]) -> list[Resource]:
    """Return the resources that shall be sent; raises as `submit_store`."""
    wanted = list(identifiers)
    if not all(map(is_orthanc_id, wanted)):
        raise BadFileFormat("This is no identifier of a resource")
    resources = resources_in_order(archive, map(OrthancId, wanted))
    if len(resources) < len(wanted):
        raise UnknownResource("")
    return resources


def submit_commitment(
    archive: Archive, call: Call, identifiers: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> Job:
    """Ask for the commitment to resources of the archive, and to instances by class and UID."""
    require_all(archive, identifiers)
    instances = resources_in_order(archive, instances_of(archive, identifiers))
    references = [_reference(one) for one in instances] + [list(pair) for pair in pairs]
    transaction_uid = new_transaction_uid()
    request = call.request(TransactionUID=transaction_uid, References=references)
    content = {"ID": transaction_uid, "Path": f"/storage-commitment/{transaction_uid}"}
    return submit(archive, "StorageCommitmentScu", request, content=content)


def _reference(instance: Resource) -> list[str]:
    return [
        instance.metadata.get("SopClassUid", ""),
        instance.main_tags.get("0008,0018", ""),
    ]
