"""What `nephele up` was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.local.faults import Faults
from nephele.settings.configuration import Configuration


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """The options of `nephele up`.

    Attributes
    ----------
    assembly : Path or None
        Folder of the synthesized templates; None keeps it with the data.
    http_port, dicom_port, https_port, aws_port : int
        0 takes any free port.
    has_dicom : bool
        False leaves the edge out.
    has_proxy : bool
        Calls to AWS pass the proxy, which counts them and can make them fail.
    """

    config: Path | None
    configuration: Configuration
    data: Path
    assembly: Path | None
    http_port: int
    dicom_port: int
    https_port: int
    aws_port: int
    has_dicom: bool
    has_proxy: bool
    faults: Faults

    @property
    def configured_in(self) -> Path:
        """The configuration file's folder, where paths in it begin; without one, the current."""
        return self.config.resolve().parent if self.config else Path.cwd()
