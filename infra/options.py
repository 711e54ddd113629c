"""The `-c name=value` options of the app, parsed once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from constructs import Node

from nephele.domain.option_checks import check_options
from nephele.settings.configuration import (
    Configuration,
    load_configuration,
    parse_configuration,
)


@dataclass(frozen=True, slots=True)
class ExistingVpc:
    """A VPC that is there already; its parts are given, so that synthesis looks nothing up."""

    vpc_id: str
    cidr: str
    availability_zones: tuple[str, ...]
    subnet_ids: tuple[str, ...]
    route_table_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Options:
    """What a deployment chooses.

    Attributes
    ----------
    stage : str
        Part of the stacks' names, so that several archives fit in one account; may be empty.
    configuration : Configuration
        Orthanc's configuration file (`config`), or Orthanc's defaults.
    existing_vpc : ExistingVpc or None
        Set by `vpc_id`, `vpc_cidr`, `availability_zones`, `subnet_ids`, `route_table_ids`.
    has_vpc_endpoints : bool
        False when the existing VPC has the endpoints already (`vpc_endpoints=false`).
    dicom_clients : tuple[str, ...]
        Address ranges that may speak DICOM; empty means the VPC's own range.
    """

    stage: str
    configuration: Configuration
    existing_vpc: ExistingVpc | None
    has_vpc_endpoints: bool
    dicom_clients: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """Return the first part of the stacks' names."""
        return f"Nephele-{self.stage}" if self.stage else "Nephele"


def read_options(node: Node) -> Options:
    """Read the options from the app's context.

    Raises
    ------
    ConfigurationError
        The configuration file cannot be read or has a wrong option.
    ValueError
        `vpc_id` is given without the other parts of the VPC.
    """
    path = _text(node, "config")
    configuration = load_configuration(Path(path)) if path else parse_configuration("{}")
    check_options(configuration)
    return Options(
        stage=_text(node, "stage"),
        configuration=configuration,
        existing_vpc=_existing_vpc(node),
        has_vpc_endpoints=_text(node, "vpc_endpoints").lower() != "false",
        dicom_clients=_list(node, "dicom_clients"),
    )


def _existing_vpc(node: Node) -> ExistingVpc | None:
    vpc_id = _text(node, "vpc_id")
    if not vpc_id:
        return None
    vpc = ExistingVpc(
        vpc_id=vpc_id,
        cidr=_text(node, "vpc_cidr"),
        availability_zones=_list(node, "availability_zones"),
        subnet_ids=_list(node, "subnet_ids"),
        route_table_ids=_list(node, "route_table_ids"),
    )
    count = len(vpc.subnet_ids)
    if not (
        vpc.cidr and count and len(vpc.availability_zones) == len(vpc.route_table_ids) == count
    ):
        raise ValueError(
            "vpc_id needs vpc_cidr, and as many subnet_ids as availability_zones and"
            " route_table_ids (comma separated)"
        )
    return vpc


def _text(node: Node, name: str) -> str:
    value = node.try_get_context(name)
    return "" if value is None else str(value).strip()


def _list(node: Node, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in _text(node, name).split(",") if part.strip())
