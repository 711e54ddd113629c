"""How REST is reached: what a deployment chooses of it."""

from __future__ import annotations

from dataclasses import dataclass

from infra.context import ACCOUNT, BUCKET, REGION, Context
from nephele.errors import ConfigurationError

_CERTIFICATE_ARN = rf"arn:aws[a-z-]*:acm:{REGION}:{ACCOUNT}:certificate/[0-9a-z-]{{36}}"
_POOL_ARN = rf"arn:aws[a-z-]*:cognito-idp:{REGION}:{ACCOUNT}:userpool/[\w-]+_[0-9A-Za-z]+"
_DISTRIBUTION = "E[0-9A-Z]{9,19}"
_VERSION = "[0-9A-Za-z-]{32,64}"
_DOMAIN = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}"


@dataclass(frozen=True, slots=True)
class WebLog:
    """The distribution whose requests are noted, and the bucket they are noted in."""

    distribution_id: str
    bucket_name: str


@dataclass(frozen=True, slots=True)
class Front:
    """How REST is reached.

    Attributes
    ----------
    is_private : bool
        Only through VPC endpoints: those named, or the one that comes with the edge's network.
    has_cloudfront : bool
        One origin for API, large bodies and pages.
    domain, certificate_arn : str
        Name of one's own, and its certificate; empty without.
    blob_public_keys : tuple[str, ...]
        PEM of the keys that sign `/blobs/…`; the first signs, the others are still trusted.
    web_log : WebLog or None
        None until the first deployment has made them.
    token_version : str
        Version of the secret whose token CloudFront sends; empty is the newest there is when one
        of the two stacks is deployed.
    user_pool_arn : str
        Cognito's users log in instead of `RegisteredUsers`.
    provisioned_concurrency : int
        Environments that are always warm; 0 starts from SnapStart's snapshots.
    """

    is_private: bool = False
    endpoint_ids: tuple[str, ...] = ()
    has_cloudfront: bool = True
    domain: str = ""
    certificate_arn: str = ""
    blob_public_keys: tuple[str, ...] = ()
    web_log: WebLog | None = None
    token_version: str = ""
    user_pool_arn: str = ""
    provisioned_concurrency: int = 0


def read_front(context: Context) -> Front:
    """Read how REST is reached.

    Raises
    ------
    ConfigurationError
        An option has a wrong value, or does not go with another one; the message names it.
    """
    is_private = context.choice("api", ("public", "private"), "public") == "private"
    is_provisioned = context.choice("api_start", ("snapstart", "provisioned"), "snapstart")
    count = context.number("provisioned_concurrency", 0, 0, 100)
    if (is_provisioned == "provisioned") != bool(count):
        raise ConfigurationError(
            "provisioned_concurrency: a number goes with api_start=provisioned, and none with"
            " snapstart: AWS allows one or the other"
        )
    context.choice("login", ("basic", "cognito"), "basic")
    return Front(
        is_private=is_private,
        endpoint_ids=context.patterns(
            "api_vpc_endpoint_ids", "vpce-[0-9a-f]{8,17}", "VPC endpoint"
        ),
        has_cloudfront=context.flag("cloudfront", default=not is_private),
        domain=context.pattern("domain", _DOMAIN, "name of a host"),
        certificate_arn=context.pattern(
            "certificate_arn", _CERTIFICATE_ARN, "ARN of an ACM certificate"
        ),
        blob_public_keys=_public_keys(context),
        web_log=_web_log(context),
        token_version=context.pattern("front_token_version", _VERSION, "version of a secret"),
        user_pool_arn=_user_pool(context),
        provisioned_concurrency=count,
    )


def _web_log(context: Context) -> WebLog | None:
    distribution = context.pattern("web_log_distribution", _DISTRIBUTION, "id of a distribution")
    bucket = context.pattern("web_log_bucket", BUCKET, "name of a bucket")
    if bool(distribution) != bool(bucket):
        raise ConfigurationError(
            "web_log_distribution: it goes with web_log_bucket, and that with it"
        )
    return WebLog(distribution, bucket) if bucket else None


def _user_pool(context: Context) -> str:
    pool = context.pattern("user_pool_arn", _POOL_ARN, "ARN of a Cognito user pool")
    if (context.text("login") == "cognito") != bool(pool):
        raise ConfigurationError("user_pool_arn: it goes with login=cognito, and login with it")
    return pool


def _public_keys(context: Context) -> tuple[str, ...]:
    keys = []
    for name in context.texts("blob_public_keys"):
        try:
            with open(name, encoding="ascii") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigurationError(f"blob_public_keys: {name}: cannot be read") from exc
        if not text.startswith("-----BEGIN PUBLIC KEY-----"):
            raise ConfigurationError(f"blob_public_keys: {name} is no public key in PEM")
        keys.append(text.strip() + "\n")
    return tuple(keys)
