"""Where headers differ from those of DCMTK and GDCM after the same conversion, and why."""

from __future__ import annotations

from typing import Final

_WRITER: Final = {
    "ImplementationClassUID": "each names itself",
    "ImplementationVersionName": "each names itself",
}
_DERIVED: Final = {
    "SOPInstanceUID": "of a lossy result: Nephele's is always the same for the same source",
    "MediaStorageSOPInstanceUID": "as SOPInstanceUID",
    "DerivationDescription": "each in its own words; DCMTK describes lossless results, too",
    "LossyImageCompressionRatio": "Nephele counts bytes as they are, DCMTK the bits stored",
    "SourceImageSequence": "DCMTK replaces the source's own items, Nephele adds to them",
}
_GDCM: Final = {
    "SourceApplicationEntityTitle": "GDCM puts its name there",
    "SOPClassUID": "GDCM makes a single-frame class with frames a multi-frame one",
    "MediaStorageSOPClassUID": "as SOPClassUID",
}

EXPLAINED: Final[dict[str, dict[str, str]]] = {
    "dcmconv": _WRITER | {"SourceApplicationEntityTitle": "DCMTK drops it, Nephele keeps it"},
    "dcmcrle": _WRITER,
    "dcmdrle": _WRITER,
    "dcmcjpeg": _WRITER | _DERIVED,
    "dcmdjpeg": _WRITER,
    "dcmcjpls": _WRITER | _DERIVED,
    "dcmdjpls": _WRITER,
    "gdcmconv": _WRITER
    | _DERIVED
    | _GDCM
    | {
        "ImageType": "GDCM pads the first value",
        "LossyImageCompressionMethod": "GDCM does not write it",
        "NumberOfFrames": "GDCM drops a 1, Nephele keeps it",
        "PhotometricInterpretation": "GDCM encodes JPEG 2000 of RGB without component transform",
        "PlanarConfiguration": "GDCM gives RLE a 1, Nephele and DCMTK a 0",
    },
}
"""Program: keyword: reason."""
