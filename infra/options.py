"""What a deployment chooses: the `-c name=value` options of the app, read and checked once."""

from __future__ import annotations

from dataclasses import dataclass, field

from aws_cdk import Environment
from constructs import Node

from infra.connections import ExistingVpc, Network, read_network
from infra.context import ACCOUNT, BUCKET, REGION, Context
from infra.front import Front, read_front
from infra.option_rules import check_configuration, check_together
from infra.tls_files import check_tls_files
from nephele.domain.option_checks import check_options
from nephele.errors import ConfigurationError
from nephele.settings.configuration import (
    Configuration,
    load_configuration,
    parse_configuration,
)
from nephele.settings.options_file import load_options

__all__ = [
    "EdgeSize",
    "ExistingVpc",
    "FunctionOptions",
    "Keeping",
    "Options",
    "read_options",
]

KNOWN = frozenset(
    "config stage region architecture key_arn permissions_boundary local"
    " vpc_id vpc_cidr availability_zones subnet_ids route_table_ids vpc_endpoints dicom_clients"
    " vpn_gateways vpn_bgp_asn vpn_static_routes transit_gateway_id transit_gateway_routes"
    " edge edge_cpu edge_memory_mb edge_tasks edge_most_tasks"
    " api api_vpc_endpoint_ids cloudfront domain certificate_arn blob_public_keys login"
    " web_log_distribution web_log_bucket front_token_version"
    " user_pool_arn api_start provisioned_concurrency reserved_concurrency"
    " log_retention_days backup_retention_days replica_bucket_arn replica_key_arn"
    " alarm_email monthly_budget_usd quiet_hours".split()
)
"""Every option; `docs/operations.md` says what each is for."""

_STAGE = "[A-Za-z][A-Za-z0-9]{0,19}"
_KEY_ARN = rf"arn:aws[a-z-]*:kms:{REGION}:{ACCOUNT}:key/[0-9a-z-]{{36}}"
_POLICY_ARN = rf"arn:aws[a-z-]*:iam::{ACCOUNT}:policy/[\w+=,.@/-]+"
_BUCKET_ARN = rf"arn:aws[a-z-]*:s3:::{BUCKET}"
_EMAIL = r"[^@\s,]+@[^@\s,]+\.[a-z]{2,}"
_LOG_DAYS = "90 120 150 180 365 400 545 731 1096 1827 2192 2557 2922 3288 3653".split()
"""What CloudWatch can keep a log for, from the least a review of an incident needs."""
_MEMORY_OF_CPU = {
    256: range(512, 2049, 512),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
}
"""Memory that Fargate has for a size of processor, in MiB."""


@dataclass(frozen=True, slots=True)
class FunctionOptions:
    """What all functions have in common.

    Attributes
    ----------
    architecture : {"x86_64", "arm64"}
        Processor of functions and tasks.
    log_days : int
        Time logs are kept for.
    has_reserved_concurrency : bool
        False in an account whose quota of concurrent executions is not raised yet.
    """

    architecture: str = "x86_64"
    log_days: int = 365
    has_reserved_concurrency: bool = True


@dataclass(frozen=True, slots=True)
class EdgeSize:
    """Tasks of the edge: their size in units of Fargate, and how many there are."""

    cpu: int = 1024
    memory_mb: int = 2048
    tasks: int = 2
    most_tasks: int = 6


@dataclass(frozen=True, slots=True)
class Keeping:
    """Copies of what is kept; `replica_bucket_arn` names a bucket in another region."""

    backup_days: int = 35
    replica_bucket_arn: str = ""
    replica_key_arn: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """What a deployment chooses.

    Attributes
    ----------
    stage : str
        Part of the stacks' names, so that several archives fit in one account; may be empty.
    region : str
        Where the stacks belong; empty leaves it to the credentials.
    configuration : Configuration
        Orthanc's configuration file (`config`), or Orthanc's defaults.
    key_arn : str
        A key of one's own for everything; empty makes one.
    is_local : bool
        For this machine alone (`nephele up`): nothing of it is reached from elsewhere.
    """

    stage: str
    configuration: Configuration
    network: Network
    region: str = ""
    functions: FunctionOptions = field(default_factory=FunctionOptions)
    edge: EdgeSize | None = field(default_factory=EdgeSize)
    front: Front = field(default_factory=Front)
    keeping: Keeping = field(default_factory=Keeping)
    key_arn: str = ""
    permissions_boundary: str = ""
    alarm_email: str = ""
    monthly_budget_usd: int = 0
    quiet_hours: int = 72
    is_local: bool = False

    @property
    def prefix(self) -> str:
        """Return the first part of the stacks' names."""
        return f"Nephele-{self.stage}" if self.stage else "Nephele"

    @property
    def environment(self) -> Environment | None:
        """Return the region the stacks are bound to; None leaves it to the credentials."""
        return Environment(region=self.region) if self.region else None


def read_options(node: Node) -> Options:
    """Read the options from the app's context.

    Raises
    ------
    ConfigurationError
        An option, of the deployment or of Orthanc, has a wrong value; the message names it.
    """
    context = Context(node)
    context.check_names(KNOWN)
    path = context.file("config")
    configuration = load_configuration(path) if path else parse_configuration("{}")
    check_options(configuration)
    given = load_options(path) if path else {}
    if path:
        check_tls_files(given, path.parent)
    options = Options(
        stage=context.pattern("stage", _STAGE, "name of up to 20 letters and digits"),
        region=context.pattern("region", REGION, "region such as eu-central-1"),
        configuration=configuration,
        network=read_network(context),
        functions=_functions(context),
        edge=_edge(context) if context.flag("edge", default=True) else None,
        front=read_front(context),
        keeping=_keeping(context),
        key_arn=context.pattern("key_arn", _KEY_ARN, "ARN of a KMS key"),
        permissions_boundary=context.pattern(
            "permissions_boundary", _POLICY_ARN, "ARN of a managed policy"
        ),
        alarm_email=context.pattern("alarm_email", _EMAIL, "address of an e-mail"),
        monthly_budget_usd=context.number("monthly_budget_usd", 0, 0, 1_000_000),
        quiet_hours=context.number("quiet_hours", 72, 0, 168),
        is_local=context.flag("local", default=False),
    )
    check_configuration(configuration, given, options)
    check_together(options)
    return options


def _functions(context: Context) -> FunctionOptions:
    return FunctionOptions(
        architecture=context.choice("architecture", ("x86_64", "arm64"), "x86_64"),
        log_days=int(context.choice("log_retention_days", _LOG_DAYS, "365")),
        has_reserved_concurrency=context.flag("reserved_concurrency", default=True),
    )


def _edge(context: Context) -> EdgeSize:
    size = EdgeSize(
        cpu=int(context.choice("edge_cpu", [str(cpu) for cpu in _MEMORY_OF_CPU], "1024")),
        memory_mb=context.number("edge_memory_mb", 2048, 512, 30720),
        tasks=context.number("edge_tasks", 2, 2, 100),
        most_tasks=context.number("edge_most_tasks", 6, 2, 100),
    )
    memory = _MEMORY_OF_CPU[size.cpu]
    if size.memory_mb not in memory:
        raise ConfigurationError(
            f"edge_memory_mb: {size.memory_mb}: Fargate has {memory[0]} to {memory[-1]} MB in steps"
            f" of {memory.step} with {size.cpu} units of processor"
        )
    if size.most_tasks < size.tasks:
        raise ConfigurationError(f"edge_most_tasks: {size.most_tasks} is less than edge_tasks")
    return size


def _keeping(context: Context) -> Keeping:
    return Keeping(
        backup_days=context.number("backup_retention_days", 35, 7, 3650),
        replica_bucket_arn=context.pattern("replica_bucket_arn", _BUCKET_ARN, "ARN of a bucket"),
        replica_key_arn=context.pattern("replica_key_arn", _KEY_ARN, "ARN of a KMS key"),
    )
