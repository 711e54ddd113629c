"""What REST asks of peers: at once where functions reach them, else by a job of the edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

from nephele.aws import clock
from nephele.aws.keys import job_key
from nephele.domain.jobs import Document, Executor, Job
from nephele.domain.transfer_syntax import is_known
from nephele.errors import BadFileFormat
from nephele.services.archive import Archive
from nephele.services.dimse_calls import DESCRIPTION, require_all
from nephele.services.exports import log_export
from nephele.services.jobs.submit import JobOptions, submit
from nephele.services.peers.client import PeerClient, Upload
from nephele.services.peers.known import content_of, is_at_the_edge, require_peer
from nephele.services.receive import md5_of

_PATIENCE_SECONDS = 20.0
"""The longest a call waits for a peer's answer."""


def submit_peer_store(
    archive: Archive,
    name: str,
    identifiers: Sequence[str],
    options: JobOptions,
    *,
    transcode: str = "",
    lossy_quality: int | None = None,
    is_compressed: bool = False,
) -> Job:
    """Ask for resources of any level to be sent to a peer.

    Raises
    ------
    UnknownResource
        There is no such peer or resource.
    BadFileFormat
        Something is no id, or there is no such transfer syntax.
    """
    peer = require_peer(archive, name)
    if transcode and not is_known(transcode):
        raise BadFileFormat(f"Unknown transfer syntax UID: {transcode[:64]}")
    resources = require_all(archive, identifiers)
    for resource in resources:
        log_export(archive, resource, name)
    content: Document = {
        "Description": DESCRIPTION,
        "InstancesCount": 0,
        "FailedInstancesCount": 0,
        "Peer": content_of(peer),
        "Compress": is_compressed,
        "Size": "0",
        "SizeMB": 0,
    }
    if resources:
        content["Resources"] = [
            {"ID": one.orthanc_id, "Type": one.level.value} for one in resources
        ]
        content["ParentResources"] = list(dict.fromkeys(identifiers))
    if transcode:
        content["Transcode"] = transcode
    request: Document = {
        "Peer": name,
        "Resources": list(identifiers),
        "Transcode": transcode,
        "LossyQuality": lossy_quality,
        "Compress": is_compressed,
    }
    return submit(
        archive, "OrthancPeerStore", request, options, content, executor_of(archive, name)
    )


def executor_of(archive: Archive, name: str) -> Executor:
    """Return who talks to a peer."""
    return Executor.EDGE if is_at_the_edge(archive, name) else Executor.FUNCTIONS


def ask_system(archive: Archive, name: str) -> dict[str, Any] | Job:
    """Return a peer's `/system`, or the job that asks for it."""
    peer = require_peer(archive, name)
    if is_at_the_edge(archive, name):
        return submit(archive, "PeerSystem", {"Peer": name})
    with PeerClient(archive, peer, min(peer.timeout or _PATIENCE_SECONDS, _PATIENCE_SECONDS)) as it:
        return it.system()


def store_straight(archive: Archive, name: str, file: BinaryIO) -> dict[str, Any] | Job:
    """Send a file to a peer without keeping it; return the peer's answer, or the job that does."""
    peer = require_peer(archive, name)
    size_bytes = file.seek(0, 2)
    file.seek(0)
    if is_at_the_edge(archive, name):
        key = job_key(f"{clock.new_uuid()}.dcm")
        archive.bucket.put_file(key, file, size_bytes, md5_of(file))
        return submit(archive, "PeerStoreStraight", {"Peer": name, "Key": key})
    with PeerClient(archive, peer, min(peer.timeout or _PATIENCE_SECONDS, _PATIENCE_SECONDS)) as it:
        return it.store(Upload(file.read(), size_bytes))
