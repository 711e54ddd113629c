"""`nephele secrets new-blob-key`, `push-blob-key`: the keys that sign `/blobs/…` for CloudFront."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from nephele.errors import NepheleError

_BITS = 2048
"""CloudFront takes RSA keys of this size."""


def new_blob_key(
    out: Annotated[Path, typer.Option(help="Name of both files, without `.pem` and `.pub`.")],
) -> None:
    """Make a key: OUT.pub is for `-c blob_public_keys`, OUT.pem for `push-blob-key`."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path = out.with_name(f"{out.name}.pem")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(private)
    out.with_name(f"{out.name}.pub").write_bytes(public)
    typer.echo(f"{path} is secret: push it, then remove it")


def push_blob_key(
    key: Annotated[Path, typer.Option(help="The `.pem` that `new-blob-key` has written.")],
    secret_id: Annotated[str, typer.Option(help="Name or ARN of the secret of these keys.")],
) -> None:
    """Add a key to those that may sign; which one does, the deployment says."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    from nephele.aws.blob_urls import key_name
    from nephele.aws.remedies import with_remedy
    from nephele.aws.secrets import read_secret, write_secret

    private = key.read_bytes()
    loaded = load_pem_private_key(private, None)
    public = loaded.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        keys = json.loads(read_secret(secret_id))
        keys.pop("placeholder", None)
        keys[key_name(public.decode())] = private.decode()
        write_secret(secret_id, json.dumps(keys))
    except NepheleError as exc:
        typer.echo(with_remedy(exc), err=True)
        raise typer.Exit(1) from exc
    typer.echo(f"{len(keys)} key(s) may sign large answers")
