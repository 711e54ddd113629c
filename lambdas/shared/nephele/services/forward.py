"""`AutoForward`: new instances go on by the configuration's rules, as durable jobs.

A commit's instances go on together, in one job for each destination whose name follows from the
commit: the same commit seen twice is one job. What was stored already is no new instance, so two
archives that forward to each other come to rest.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from nephele.aws.index import codec
from nephele.aws.index.table import Row
from nephele.domain.attributes import tag_of
from nephele.domain.case import fold_case
from nephele.domain.dicom_json import TagFormat
from nephele.domain.dictionary import parse_tag
from nephele.domain.jobs import Executor
from nephele.domain.levels import Level
from nephele.domain.orthanc_id import OrthancId
from nephele.domain.resources import ChangeType, Resource
from nephele.domain.wildcard import match_wildcard
from nephele.errors import UnknownResource
from nephele.logs import logger
from nephele.services.archive import Archive
from nephele.services.jobs.submit import JobOptions, submit
from nephele.services.modalities import modalities
from nephele.services.peers.known import is_at_the_edge, peer_url
from nephele.services.requested_tags import requested_tags
from nephele.services.retrieve import file_of
from nephele.settings.auto_forward import ForwardRule

TO_MODALITY = "AutoForward"
TO_PEER = "AutoForwardToPeer"
_NAMES = uuid.UUID("6f1f0f8b-4e2a-4d53-9d57-3a3a6f0c6c11")
_MODALITY = "0008,0060"

Destination = tuple[str, str, str]
"""Type of the job, symbolic name, and transfer syntax."""


def forward(archive: Archive, outbox: Iterable[Row]) -> None:
    """Submit the jobs that the new instances of some commits ask for."""
    for row in outbox:
        _forward_commit(archive, row, archive.configuration.auto_forward)


def _forward_commit(archive: Archive, row: Row, rules: Sequence[ForwardRule]) -> None:
    ids = [
        OrthancId(orthanc_id)
        for change_type, _, orthanc_id, _ in codec.read_document(row, "c")
        if change_type == ChangeType.NEW_INSTANCE
    ]
    if not ids:
        return
    found = archive.index.resources(ids)
    parents = {one.ancestors[Level.SERIES] for one in found.values()}
    series = archive.index.resources(parents)
    wanted: dict[Destination, list[OrthancId]] = {}
    for orthanc_id in ids:
        instance = found.get(orthanc_id)
        if instance is None:
            continue
        modality = series[instance.ancestors[Level.SERIES]].main_tags.get(_MODALITY, "")
        for destination in _destinations(archive, instance, modality, rules):
            wanted.setdefault(destination, []).append(orthanc_id)
    for destination, instances in wanted.items():
        _submit(archive, f"{row['pk']['S']}/{row['sk']['S']}", destination, instances)


def _destinations(
    archive: Archive, instance: Resource, modality: str, rules: Sequence[ForwardRule]
) -> list[Destination]:
    found: dict[Destination, None] = {}
    for rule in rules:
        if not _matches(archive, rule, instance, modality):
            continue
        if rule.to_modality and not _came_from_modality(archive, instance, rule.to_modality):
            found[TO_MODALITY, rule.to_modality, rule.transcode] = None
        elif rule.to_peer and not _came_from_peer(archive, instance, rule.to_peer):
            found[TO_PEER, rule.to_peer, rule.transcode] = None
    return list(found)


def _matches(archive: Archive, rule: ForwardRule, instance: Resource, modality: str) -> bool:
    return (
        _is_one_of(file_of(instance).provenance.remote_aet, rule.remote_aet)
        and _is_one_of(modality, rule.modality)
        and _is_one_of(instance.metadata.get("SopClassUid", ""), rule.sop_class_uid)
        and (not rule.tags or _has_tags(archive, instance, rule.tags))
    )


def _is_one_of(value: str, patterns: Sequence[str]) -> bool:
    folded = fold_case(value.strip())
    return not patterns or any(match_wildcard(folded, fold_case(one)) for one in patterns)


def _has_tags(archive: Archive, instance: Resource, patterns: Mapping[str, str]) -> bool:
    """Tell whether tags are as a rule has them; a header that is too long is read of the object."""
    try:
        known = requested_tags(archive, instance, patterns, TagFormat.SHORT)
    except UnknownResource:
        gone = {"orthanc_id": instance.orthanc_id}
        logger.info("instance was deleted before it went on", extra=gone)
        return False
    for name, pattern in patterns.items():
        tag = parse_tag(name)
        value = None if tag is None else known.get(tag_of(tag))
        if not isinstance(value, str) or not _is_one_of(value, [pattern]):
            return False
    return True


def _came_from_modality(archive: Archive, instance: Resource, name: str) -> bool:
    modality = modalities(archive).get(name)
    sender = file_of(instance).provenance.remote_aet.strip()
    return modality is not None and fold_case(sender) == fold_case(modality.aet.strip())


def _came_from_peer(archive: Archive, instance: Resource, name: str) -> bool:
    """Tell whether the sender's address is the one in the peer's URL, and not this machine's."""
    sender = file_of(instance).provenance.remote_ip
    if not sender or urlsplit(peer_url(archive, name)).hostname != sender:
        return False
    return not ipaddress.ip_address(sender).is_loopback


def _submit(
    archive: Archive, commit: str, destination: Destination, instances: Sequence[OrthancId]
) -> None:
    job_type, name, transcode = destination
    identifier = str(uuid.uuid5(_NAMES, "/".join((commit, *destination))))
    content = {
        "Description": "AutoForward",
        "InstancesCount": len(instances),
        "FailedInstancesCount": 0,
        "To": name,
    }
    request = {"Instances": list(instances), "To": name, "Transcode": transcode}
    options = JobOptions(synchronous=False)
    is_far = job_type == TO_PEER and is_at_the_edge(archive, name)
    executor = Executor.EDGE if is_far else None
    submit(archive, job_type, request, options, content, executor, identifier)
