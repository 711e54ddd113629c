"""Bundles handed to CDK as assets, by local bundling: docker is never asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import jsii
from aws_cdk import AssetHashType, BundlingOptions, BundlingOutput, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from infra.components.bundle import link


@jsii.implements(ILocalBundling)
class _Bundle:
    """Link a folder that is built already into the assembly."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def try_bundle(self, output_dir: str, *_options: object, **_named: object) -> bool:
        shutil.copytree(self._folder, output_dir, copy_function=link, dirs_exist_ok=True)
        return True


def code_of(folder: Path) -> lambda_.Code:
    """Return a built folder as a function's code; its name is the asset's identity."""
    return lambda_.Code.from_asset(
        str(folder),
        asset_hash=folder.name,
        asset_hash_type=AssetHashType.CUSTOM,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("python:3.13-slim"),
            local=_Bundle(folder),
            output_type=BundlingOutput.NOT_ARCHIVED,
        ),
    )
