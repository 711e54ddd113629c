"""What a client of botocore shows by its own requests: how it signs, and whom it trusts.

Requests that go past it are signed and trusted alike.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from botocore.awsrequest import AWSRequest, HeadersDict
from botocore.httpsession import get_cert_path

if TYPE_CHECKING:
    from botocore.signers import RequestSigner


@dataclass(frozen=True, slots=True)
class Signature:
    """How a client signs."""

    signer: RequestSigner
    signing_name: str
    region_name: str

    @classmethod
    def learned(cls, request: AWSRequest, facts: Mapping[str, Any]) -> Self:
        """Take it from what the event `before-sign` tells."""
        signing = request.context.get("signing", {})
        return cls(
            signer=facts["request_signer"],
            signing_name=signing.get("signing_name") or facts["signing_name"],
            region_name=signing.get("region") or facts["region_name"],
        )

    def headers(self, request: AWSRequest, version: str, **context: Any) -> Any:
        """Sign a request and return its headers.

        Parameters
        ----------
        version : str
            botocore's name of the way to sign.
        context : object
            What that way asks of a request besides.
        """
        request.context.update(signing={}, **context)
        auth = self.signer.get_auth_instance(self.signing_name, self.region_name, version)
        auth.add_auth(request)
        return HeadersDict(request.headers.items())


def trusted_certificates() -> str:
    """Return the file of certificates that clients trust."""
    return os.environ.get("AWS_CA_BUNDLE") or str(get_cert_path(True))
