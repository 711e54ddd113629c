"""Findings of the security checks that are accepted, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

SOLUTIONS = ("AwsSolutions",)
REGULATIONS = ("HIPAA.Security", "NIST.800.53.R5")
"""Two packs whose rules bear the same names: the law's and the government's."""
SERVERLESS = ("Serverless",)


def acknowledge(
    construct: IConstruct, reasons: Mapping[str, str], packs: Sequence[str] = SOLUTIONS
) -> None:
    """Accept findings on a construct and what is in it.

    Parameters
    ----------
    construct : IConstruct
        What the findings are about.
    reasons : mapping of str to str
        Why, by the exact id of the finding without its pack: `SQS3`, `IAM5[Resource::*]`.
    packs : sequence of str
        Packs whose finding of that name is accepted.
    """
    Validations.of(construct).acknowledge(
        *(
            Acknowledgment(id=f"{pack}::{pack}-{rule}", reason=reason)
            for pack in packs
            for rule, reason in reasons.items()
        )
    )
