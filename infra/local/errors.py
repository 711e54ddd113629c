"""Errors of the local stack that a person reads: one line each, no traceback."""

from __future__ import annotations


class LocalStackError(Exception):
    """The local stack cannot start or go on; the message says why and what to do."""


class PortTaken(LocalStackError):
    """A port is used by another process."""


class DataInUse(LocalStackError):
    """Another local stack uses the data folder."""


class DeploymentFailed(LocalStackError):
    """CloudFormation refused a template."""


class ChildDied(LocalStackError):
    """A process that everything depends on has ended."""
