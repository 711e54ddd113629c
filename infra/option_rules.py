"""What the options of a deployment say together, and what of Orthanc's they cannot go with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nephele.errors import ConfigurationError
from nephele.settings.configuration import Configuration

if TYPE_CHECKING:
    from infra.options import Options

_CLOUDFRONT_REGION = "us-east-1"
DANGEROUS = {
    "Authorization": "everybody with a login would see what that plugin hides",
    "HttpBindAddresses": "addresses that it keeps out would be let in",
    "LuaScripts": "what their filters keep out would be let in",
    "MultitenantDicom": "everybody would see what belongs to others",
    "ReadOnly": "what it protects could be changed",
    "SslVerifyPeers": "clients without a certificate would be let in",
}
"""Options whose silent absence takes a protection away."""
DANGEROUS_WHEN_OFF = {
    "HttpServerEnabled": "the REST API would be there all the same",
    "StoreDicom": "images would be kept that are not to be",
}
"""Options whose absence does so where they are false."""


def check_configuration(
    configuration: Configuration, given: Mapping[str, Any], options: Options
) -> None:
    """Refuse what is harmless behind Orthanc's own port and dangerous where everybody reaches it.

    Parameters
    ----------
    given : mapping of str to object
        The options as the file has them, with those that are not honoured.

    Raises
    ------
    ConfigurationError
        An option that was given has no safe meaning in this deployment.
    """
    if options.is_local:
        return
    is_switched_off = configuration.authentication_enabled is False
    if is_switched_off and not options.front.user_pool_arn and not options.front.is_private:
        raise ConfigurationError(
            "AuthenticationEnabled: false would show every patient to everybody on the internet:"
            " the REST API of this deployment is public (api=public)"
        )
    if configuration.ssl_enabled and options.edge:
        _check_edge_logins(configuration)
    for name in sorted(configuration.not_honoured):
        if given.get(name) and name in DANGEROUS:
            raise ConfigurationError(f"{name}: Nephele does not honour it, and {DANGEROUS[name]}")
        if given.get(name) is False and name in DANGEROUS_WHEN_OFF:
            raise ConfigurationError(
                f"{name}: Nephele does not honour false, and {DANGEROUS_WHEN_OFF[name]}"
            )


def _check_edge_logins(configuration: Configuration) -> None:
    """Demand logins at the edge's own HTTPS, where neither API Gateway nor Cognito stands."""
    if not configuration.remote_access_allowed:
        raise ConfigurationError(
            "SslEnabled: the edge's HTTPS is for others than this machine, and RemoteAccessAllowed"
            " is off: set it, and RegisteredUsers"
        )
    if not configuration.is_authentication_enabled:
        raise ConfigurationError(
            "SslEnabled: AuthenticationEnabled is off, and the edge's HTTPS would show every"
            " patient to everybody in dicom_clients: its logins are those of RegisteredUsers"
        )


def check_together(options: Options) -> None:
    """Refuse options that exclude each other.

    Raises
    ------
    ConfigurationError
        Naming one of them.
    """
    _check_front(options)
    _check_regions(options)
    if options.keeping.replica_key_arn and not options.keeping.replica_bucket_arn:
        raise ConfigurationError("replica_key_arn: it needs replica_bucket_arn")
    if options.keeping.replica_bucket_arn and not options.keeping.replica_key_arn:
        raise ConfigurationError("replica_key_arn: the replicas are encrypted; name their key")
    if options.edge is None:
        for name, value in (
            ("vpn_gateways", options.network.vpn),
            ("transit_gateway_id", options.network.transit_gateway),
            ("dicom_clients", options.network.dicom_clients),
        ):
            if value:
                raise ConfigurationError(f"{name}: there is no edge (edge=false) to be reached")


def _check_front(options: Options) -> None:
    front = options.front
    if front.is_private and front.has_cloudfront:
        raise ConfigurationError("cloudfront: it reaches public APIs only, and api is private")
    if front.is_private and not front.endpoint_ids:
        raise ConfigurationError("api_vpc_endpoint_ids: a private API needs endpoints to enter by")
    if front.endpoint_ids and not front.is_private:
        raise ConfigurationError("api_vpc_endpoint_ids: they need api=private")
    if bool(front.domain) != bool(front.certificate_arn):
        raise ConfigurationError("domain: it needs certificate_arn, and the certificate a domain")
    if front.domain and front.is_private:
        raise ConfigurationError("domain: a private API goes by the name of its endpoints")
    if not front.has_cloudfront:
        for name, value in (
            ("blob_public_keys", front.blob_public_keys),
            ("web_log_distribution", front.web_log),
            ("front_token_version", front.token_version),
        ):
            if value:
                raise ConfigurationError(f"{name}: there is no CloudFront (cloudfront=false)")


def _check_regions(options: Options) -> None:
    front = options.front
    if front.certificate_arn:
        region = front.certificate_arn.split(":")[3]
        if front.has_cloudfront and region != _CLOUDFRONT_REGION:
            raise ConfigurationError(
                f"certificate_arn: CloudFront takes certificates of {_CLOUDFRONT_REGION} only"
            )
        if not front.has_cloudfront and options.region and region != options.region:
            raise ConfigurationError(f"certificate_arn: it is not of the region {options.region}")
    for name, arn in (("key_arn", options.key_arn), ("user_pool_arn", front.user_pool_arn)):
        if arn and options.region and arn.split(":")[3] != options.region:
            raise ConfigurationError(f"{name}: it is not of the region {options.region}")
