"""Writing data sets exactly as they stand."""

from __future__ import annotations

import io

from pydicom.dataset import Dataset


def written(dataset: Dataset) -> bytes:
    """Encode a data set in its transfer syntax, known to pydicom or not."""
    uid = dataset.file_meta.TransferSyntaxUID
    file = io.BytesIO()
    dataset.save_as(
        file,
        implicit_vr=uid == "1.2.840.10008.1.2",
        little_endian=uid != "1.2.840.10008.1.2.2",
        force_encoding=True,
    )
    return file.getvalue()
