"""Writing a transcoded file, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.elements import DataSet
from nephele.domain.explicit_vr import UNDEFINED_LENGTH
from nephele.domain.transcoding.deflating import DeflatingSink
from nephele.domain.transcoding.encapsulation import iter_fragment, offset_tables
from nephele.domain.transcoding.native import decoded_size, iter_copied, iter_decoded
from nephele.domain.transcoding.plan import Plan
from nephele.domain.transcoding.sinks import Sink, copy_to
from nephele.domain.transcoding.writing import ElementWriter

_MOST_FORESEEN_FRAMES = 1 << 16


def write_output(plan: Plan, sink: Sink, jobs: int | None) -> None:
    """Write the file that a plan makes.

    Raises
    ------
    NotTranscodable, UnsupportedImage, BadFileFormat
        A frame, or what is behind the pixels, turns out to be damaged.
    """
    if plan.is_unchanged:
        copy_to(plan.source.original, sink)
    elif plan.target.is_encapsulated:
        _write_encapsulated(plan, sink, jobs)
    elif plan.has_frames:
        _write_decoded(plan, sink, jobs)
    else:
        _write_copied(plan, sink)


def _write_encapsulated(plan: Plan, sink: Sink, jobs: int | None) -> None:
    frames = plan.iter_frames(jobs)
    first = next(frames)
    foreseen = min(plan.source.image.description.number_of_frames, _MOST_FORESEEN_FRAMES)
    sink.begin(len(_encapsulated_front(plan, first.photometric, [len(first.data)] * foreseen)))
    sizes = []
    for frame in chain((first,), frames):
        sizes.append(len(frame.data))
        for part in iter_fragment(frame.data):
            sink.write(part)
    sink.write(ElementWriter().sequence_delimiter())
    sink.write(plan.assembly.tail(plan.changes(first.photometric, sum(sizes))))
    sink.finish(_encapsulated_front(plan, first.photometric, sizes))


def _encapsulated_front(plan: Plan, photometric: str, sizes: list[int]) -> bytes:
    """Encode all that is in front of the first fragment, given the sizes of the frames."""
    table, extended = offset_tables(sizes)
    plain = ElementWriter()
    return b"".join(
        (
            plan.assembly.meta(plan.sop_instance_uid),
            plan.assembly.elements(plan.changes(photometric, sum(sizes))),
            *(plain.element(element) for element in extended),
            plain.header(PIXEL_DATA, "OB", UNDEFINED_LENGTH),
            table,
        )
    )


def _write_decoded(plan: Plan, sink: Sink, jobs: int | None) -> None:
    description = plan.source.image.description
    frames = plan.iter_frames(jobs)
    first = next(frames)
    native = (frame.data for frame in chain((first,), frames))
    vr = "OW" if description.bits_allocated > 8 else "OB"
    size = decoded_size(description)
    chunks = iter_decoded(native, description, plan.target)
    _write_native(plan, sink, plan.changes(first.photometric), (vr, size, chunks))


def _write_copied(plan: Plan, sink: Sink) -> None:
    pixels = plan.source.pixels
    if pixels is None:
        _write_native(plan, sink, plan.changes(), None)
        return
    chunks = iter_copied(plan.source, pixels, plan.target)
    _write_native(plan, sink, plan.changes(), (pixels.vr, pixels.size, chunks))


def _write_native(
    plan: Plan,
    sink: Sink,
    changes: DataSet,
    value: tuple[str, int, Iterable[bytes | memoryview]] | None,
) -> None:
    """Write a file whose pixel data, if any, have this VR, this size and these bytes."""
    meta = plan.assembly.meta(plan.sop_instance_uid)
    front = plan.assembly.elements(changes)
    if value is not None and plan.source.pixels is not None:
        vr, size, _ = value
        front += plan.assembly.writer.header(plan.source.pixels.tag, vr, size + size % 2)
    if plan.target.is_deflated:
        sink = DeflatingSink(sink)
        sink.begin(len(meta))
        sink.write(front)
    else:
        meta += front
        sink.begin(len(meta))
    if value is not None:
        _, size, chunks = value
        for chunk in chunks:
            sink.write(chunk)
        sink.write(b"\0" * (size % 2))
        sink.write(plan.assembly.tail(changes))
    sink.finish(meta)
