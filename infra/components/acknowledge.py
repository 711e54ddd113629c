"""Findings of the security checks that are accepted, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

PACK = "AwsSolutions"


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings on a construct and what is in it.

    Parameters
    ----------
    construct : IConstruct
        What the findings are about.
    reasons : mapping of str to str
        Why, by the exact id of the finding without its pack: `SQS3`, `IAM5[Resource::*]`.
    """
    for rule, reason in reasons.items():
        Validations.of(construct).acknowledge(
            Acknowledgment(id=f"{PACK}::{PACK}-{rule}", reason=reason)
        )
