"""The network of a deployment: a VPC, new or existing, and its way to the hospital."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from infra.context import Context
from nephele.errors import ConfigurationError

DEFAULT_RANGE = "10.0.0.0/16"
_VPC = "vpc-[0-9a-f]{8,17}"
_SUBNET = "subnet-[0-9a-f]{8,17}"
_ROUTE_TABLE = "rtb-[0-9a-f]{8,17}"
_ZONE = "[a-z]{2}(-[a-z]+)+-[0-9][a-z]"
_WIDEST_PREFIX = 8
"""Of who may speak DICOM: the widest private range. What is wider is the internet, in parts."""
_LONGEST_PREFIX = 26
"""Of a new VPC: its subnets are a quarter of it, and AWS has none below /28."""
_LEAST_ZONES = 2
_LAST_ASN = 4_294_967_294
_AMAZONS_ASNS = frozenset({7224, 9059, 10124, 17943, 64512})
"""Reserved, but for the last: the VPC's own end has it."""


@dataclass(frozen=True, slots=True)
class ExistingVpc:
    """A VPC that is there already; its parts are given, so that synthesis looks nothing up."""

    vpc_id: str
    cidr: str
    availability_zones: tuple[str, ...]
    subnet_ids: tuple[str, ...]
    route_table_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vpn:
    """Tunnels to the hospital's routers.

    Attributes
    ----------
    gateways : tuple[str, ...]
        Public addresses of the customer gateways.
    bgp_asn : int
        Number of the hospital's network where routes are learned; 0 where they are given.
    static_routes : tuple[str, ...]
        The hospital's ranges, where they are given.
    """

    gateways: tuple[str, ...]
    bgp_asn: int
    static_routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TransitGateway:
    """A Transit Gateway and the ranges that are reached through it."""

    gateway_id: str
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """Where the edge is and who reaches it.

    Attributes
    ----------
    cidr : str
        Range of a new VPC.
    has_endpoints : bool
        False when the existing VPC has the endpoints already (`vpc_endpoints=false`).
    dicom_clients : tuple[str, ...]
        Address ranges that may speak DICOM; empty means the VPC's own range.
    """

    existing: ExistingVpc | None
    cidr: str
    has_endpoints: bool
    dicom_clients: tuple[str, ...]
    vpn: Vpn | None
    transit_gateway: TransitGateway | None


def read_network(context: Context) -> Network:
    """Read the network's options; ConfigurationError names the one that is wrong."""
    existing = _read_existing(context)
    vpn = _read_vpn(context)
    gateway = _read_transit_gateway(context)
    if vpn and gateway:
        raise ConfigurationError("vpn_gateways: the VPN ends at the Transit Gateway, not here")
    if existing and (vpn or gateway):
        name = "vpn_gateways" if vpn else "transit_gateway_id"
        raise ConfigurationError(f"{name}: an existing VPC (vpc_id) has its own connections")
    network = Network(
        existing=existing,
        cidr=context.vpc_range("vpc_cidr", DEFAULT_RANGE),
        has_endpoints=context.flag("vpc_endpoints", default=True),
        dicom_clients=context.ranges("dicom_clients"),
        vpn=vpn,
        transit_gateway=gateway,
    )
    for clients in network.dicom_clients:
        if IPv4Network(clients).prefixlen < _WIDEST_PREFIX:
            raise ConfigurationError(
                f"dicom_clients: {clients} is wider than /{_WIDEST_PREFIX}: name the hospital's"
            )
    if existing is None:
        _check_new(network)
    return network


def _check_new(network: Network) -> None:
    """Refuse a new VPC that AWS would not make, or from which nothing could be reached."""
    size = IPv4Network(network.cidr)
    if size.prefixlen > _LONGEST_PREFIX:
        raise ConfigurationError(
            f"vpc_cidr: '{network.cidr}': a new VPC has a range of /16 to /{_LONGEST_PREFIX}, so"
            " that there is room for its subnets"
        )
    if not network.has_endpoints and network.transit_gateway is None:
        raise ConfigurationError(
            "vpc_endpoints: the tasks of a new VPC reach AWS through its endpoints alone, unless"
            " there is a Transit Gateway"
        )
    given = {
        "vpn_static_routes": network.vpn.static_routes if network.vpn else (),
        "transit_gateway_routes": network.transit_gateway.routes if network.transit_gateway else (),
    }
    for name, routes in given.items():
        for route in routes:
            if IPv4Network(route).subnet_of(size):
                raise ConfigurationError(f"{name}: {route} is in the VPC's own range {size}")


def _read_existing(context: Context) -> ExistingVpc | None:
    vpc_id = context.pattern("vpc_id", _VPC, "VPC")
    parts = ("availability_zones", "subnet_ids", "route_table_ids")
    if not vpc_id:
        for name in parts:
            if context.texts(name):
                raise ConfigurationError(f"{name}: it describes an existing VPC; give vpc_id, too")
        return None
    zones = context.patterns("availability_zones", _ZONE, "availability zone")
    subnets = context.patterns("subnet_ids", _SUBNET, "subnet")
    tables = context.patterns("route_table_ids", _ROUTE_TABLE, "route table")
    cidr = context.vpc_range("vpc_cidr")
    if not (cidr and subnets and len(zones) == len(tables) == len(subnets)):
        raise ConfigurationError(
            "vpc_id: it needs vpc_cidr, and as many subnet_ids as availability_zones and"
            " route_table_ids (comma separated)"
        )
    if len(set(zones)) < _LEAST_ZONES:
        raise ConfigurationError("availability_zones: the edge stands in at least two zones")
    return ExistingVpc(vpc_id, cidr, zones, subnets, tables)


def _read_vpn(context: Context) -> Vpn | None:
    gateways = context.public_addresses("vpn_gateways")
    asn = context.number("vpn_bgp_asn", 0, 0, _LAST_ASN)
    routes = context.ranges("vpn_static_routes")
    if not gateways:
        for name in ("vpn_bgp_asn", "vpn_static_routes"):
            if context.text(name):
                raise ConfigurationError(f"{name}: it needs vpn_gateways")
        return None
    if bool(asn) == bool(routes):
        raise ConfigurationError(
            "vpn_gateways: routes are either learned (vpn_bgp_asn) or given (vpn_static_routes)"
        )
    if asn in _AMAZONS_ASNS:
        raise ConfigurationError(f"vpn_bgp_asn: {asn} is Amazon's own number")
    return Vpn(gateways, asn, routes)


def _read_transit_gateway(context: Context) -> TransitGateway | None:
    gateway = context.pattern("transit_gateway_id", "tgw-[0-9a-f]{8,17}", "Transit Gateway")
    routes = context.ranges("transit_gateway_routes")
    if bool(gateway) != bool(routes):
        raise ConfigurationError(
            "transit_gateway_routes: the ranges behind transit_gateway_id are needed, and it"
        )
    return TransitGateway(gateway, routes) if gateway else None
