"""The order of the slices of a series, as `/ordered-slices` tells it."""

from __future__ import annotations

from nephele.domain.levels import Level
from nephele.domain.resources import Resource
from nephele.domain.slice_order import Slice, order_slices
from nephele.services.archive import Archive
from nephele.services.hierarchy import descendants, resources_in_order
from nephele.services.retrieve import number_of_frames

_POSITION = "0020,0032"
_ORIENTATION = "0020,0037"


def ordered_instances(archive: Archive, series: Resource) -> tuple[list[Resource], bool]:
    """Return the instances of a series in order, and whether they are a volume.

    Raises
    ------
    UnorderedSeries
        Neither positions nor indexes order them.
    """
    ids = descendants(archive, series, Level.INSTANCE)
    instances = {one.orthanc_id: one for one in resources_in_order(archive, ids)}
    slices = [
        Slice(
            name=str(one.orthanc_id),
            image_position_patient=one.main_tags.get(_POSITION, ""),
            image_orientation_patient=one.main_tags.get(_ORIENTATION, ""),
            index_in_series=one.metadata.get("IndexInSeries"),
        )
        for one in instances.values()
    ]
    order = order_slices(slices, series.main_tags.get(_ORIENTATION, ""))
    named = {str(orthanc_id): one for orthanc_id, one in instances.items()}
    return [named[name] for name in order.names], order.is_volume


def ordered_slices(archive: Archive, series: Resource) -> dict[str, object]:
    """Return `/series/{id}/ordered-slices`."""
    instances, is_volume = ordered_instances(archive, series)
    frames = [(one.orthanc_id, number_of_frames(one)) for one in instances]
    return {
        "Dicom": [f"/instances/{name}/file" for name, _ in frames],
        "Slices": [
            f"/instances/{name}/frames/{frame}" for name, count in frames for frame in range(count)
        ],
        "SlicesShort": [[name, 0, count] for name, count in frames],
        "Type": "Volume" if is_volume else "Sequence",
    }
