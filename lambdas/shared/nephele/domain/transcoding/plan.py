"""What a transcoding makes of a file: which instance, which elements, which frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from nephele.domain.attributes import PIXEL_DATA
from nephele.domain.codecs.options import DEFAULT_OPTIONS, CodecOptions
from nephele.domain.elements import DataSet
from nephele.domain.transcoding.assembly import Assembly, assembly_of
from nephele.domain.transcoding.derivation import derivation, derived_uid, makes_new_instance
from nephele.domain.transcoding.frame_work import EncodedFrame, frame_work, is_recoding
from nephele.domain.transcoding.native import native_size
from nephele.domain.transcoding.nested import decompressed_sequences
from nephele.domain.transcoding.pipeline import default_jobs, map_in_order
from nephele.domain.transcoding.pixel_module import description_changes
from nephele.domain.transcoding.source import Source
from nephele.domain.transfer_syntax import TransferSyntax
from nephele.errors import NotTranscodable, UnsupportedImage

_FRAMES_AT_ONCE_BYTES = 96 << 20
"""Frames are worked on in as many threads as keep their decoded samples below this size.

What is done with a frame takes several times its size, OpenJPEG eleven times that of 8 bits: of so
many bytes it stays below the 1,769 MiB of a function, with the 256 MiB that are kept of what was
freed before.
"""


@dataclass(frozen=True)
class Plan:
    """A source, a target, and what follows from them."""

    source: Source
    target: TransferSyntax
    lossy_quality: int
    options: CodecOptions = DEFAULT_OPTIONS

    @property
    def is_unchanged(self) -> bool:
        """Tell whether the source has the target's syntax already."""
        return self.source.syntax.uid == self.target.uid

    @property
    def is_recoding(self) -> bool:
        """Tell whether code streams become those of the target without being decoded."""
        return is_recoding(self.source.syntax, self.target)

    @property
    def has_frames(self) -> bool:
        """Tell whether pixels are decoded or encoded: native ones may also be copied."""
        pixels = self.source.pixels
        if pixels is None or pixels.tag != PIXEL_DATA:
            return False
        return self.target.is_encapsulated or pixels.is_encapsulated

    @property
    def is_lossy(self) -> bool:
        """Tell whether the result is another instance than the source."""
        return makes_new_instance(self.target.uid) and not (self.is_unchanged or self.is_recoding)

    @cached_property
    def sop_instance_uid(self) -> str:
        """Return the result's SOP Instance UID; of a lossy one the whole source is read for it."""
        uid = self.source.sop_instance_uid
        if not self.is_lossy:
            return uid
        digest = self.source.content_digest
        return derived_uid(uid, digest, self.target.uid, self.lossy_quality)

    @cached_property
    def assembly(self) -> Assembly:
        """Return what encodes the elements around the pixels."""
        return assembly_of(self.source, self.target, are_pixels_new=self.has_frames)

    @cached_property
    def _decompressed(self) -> DataSet:
        """The sequences whose compressed pixel data become native."""
        if not self.source.syntax.is_encapsulated:
            return {}
        sequences = decompressed_sequences(self.source.elements, self.source.syntax, self.options)
        return {element.tag: element for element in sequences}

    def changes(self, photometric: str | None = None, compressed_bytes: int = 0) -> DataSet:
        """Return the elements that are not what they were.

        Parameters
        ----------
        photometric : str, optional
            Of the encoded frames, where there are any.
        compressed_bytes : int
            Of all encoded frames together, without padding.
        """
        changed = dict(self._decompressed)
        if photometric is not None and not self.is_recoding:
            described = description_changes(self.source.image, photometric)
            changed |= {element.tag: element for element in described}
        if self.is_lossy:
            ratio = self.decoded_bytes / max(compressed_bytes, 1)
            uid = self.sop_instance_uid
            derived = derivation(self.source.elements, self.target.uid, uid, ratio)
            changed |= {element.tag: element for element in derived}
        return changed

    @property
    def decoded_bytes(self) -> int:
        """The size of the pixels before this compression, as the ratio counts it."""
        description = self.source.image.description
        if not self.source.image.is_encapsulated:
            return native_size(description)
        bits = description.samples_per_frame * description.bits_allocated
        return bits * description.number_of_frames // 8

    def iter_frames(self, jobs: int | None) -> Iterator[EncodedFrame]:
        """Yield the frames in the target's encoding, all with the same photometric interpretation.

        Parameters
        ----------
        jobs : int or None
            Threads, None for one on each core. Each has a frame of its own, where there are enough.
        """
        image = self.source.image
        count = image.description.number_of_frames
        frame_bits = image.description.samples_per_frame * image.description.bits_allocated
        most = max(_FRAMES_AT_ONCE_BYTES * 8 // frame_bits, 1)
        cores = jobs or default_jobs()
        at_once = min(cores, count, most)
        options = replace(self.options, threads=max(cores // at_once, 1))
        work = frame_work(image, self.target, self.lossy_quality, options)
        encoded = ((number, self._read_frame(number)) for number in range(count))
        photometric: str | None = None
        for frame in map_in_order(work, encoded, at_once):
            if photometric not in (None, frame.photometric):
                raise NotTranscodable(
                    "PhotometricInterpretation (0028,0004): the frames' differ, and a file has one"
                    " alone: it can be kept as it is, or split into its frames"
                )
            photometric = frame.photometric
            yield frame

    def _read_frame(self, number: int) -> bytes:
        try:
            return self.source.frames.read(number, self.options.maximum_frame_bytes)
        except UnsupportedImage as exc:
            raise NotTranscodable(f"PixelData (7fe0,0010), frame {number}: {exc}") from exc
