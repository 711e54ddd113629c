"""What of an ARN a grant is about: a table, a queue, one area of the bucket."""

from __future__ import annotations

import re

GRANTS_PATH = "/_nephele/grants"
"""Where the local AWS tells which grants were used."""
_RANDOM = re.compile(r"-[0-9A-Fa-f]{13}(-\w{6})?(?=/|$)")
"""What is put behind a resource's name to make it unique, and again behind a secret's."""


def area_of(arn: str) -> str:
    """Return the part that a resource and the pattern that grants it have in common.

    >>> area_of("arn:aws:s3:::data-0123456789abc/dicom/ab/cd")
    'data/dicom'
    """
    name = "/".join(arn.rpartition(":")[2].split("/", 2)[:2])
    return _RANDOM.sub("", name)
