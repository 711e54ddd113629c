"""Folders that become zips: pinned requirements, the wheel, a handler and the configuration.

Nothing here needs docker. What is built is kept under `build/`, by the hash of what it is made of.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import uv

from infra.components import prune
from infra.functions import FunctionSpec

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
CONFIGURATION_FILE = "configuration.json"
_WHEEL = ROOT / "lambdas" / "shared"
_UNUSED_PACKAGES = {"api": ("cli",), "transcode": ("cli", "rest"), "core": ("cli", "rest")}
_KEPT_SECONDS = 86_400
_PYTHON = "3.13"
_PLATFORMS = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
_CAN_COMPILE = f"{sys.version_info[0]}.{sys.version_info[1]}" == _PYTHON


def build_bundle(spec: FunctionSpec, configuration: str, architecture: str = "x86_64") -> Path:
    """Return the folder of a function's zip, named by the hash of what it is made of.

    Parameters
    ----------
    spec : FunctionSpec
        The function.
    configuration : str
        Orthanc's configuration as JSON, without passwords.
    architecture : {"x86_64", "arm64"}
        Processor of the function.
    """
    dependencies = _build_dependencies(spec.requirements, _PLATFORMS[architecture])
    sources = {
        **source_files(_WHEEL / "nephele", "nephele", without=_UNUSED_PACKAGES[spec.requirements]),
        **source_files(ROOT / "lambdas" / spec.name, ""),
    }
    if Path("handler.py") not in sources:
        raise FileNotFoundError(f"lambdas/{spec.name}/handler.py")
    digest = digest_of([dependencies.name, configuration, *_contents(sources)])

    def build(folder: Path) -> None:
        shutil.copytree(dependencies, folder, copy_function=link, dirs_exist_ok=True)
        copy_sources(sources, folder)
        (folder / CONFIGURATION_FILE).write_text(configuration, encoding="utf-8")
        _write_metadata(folder)
        _compile(folder, ["handler.py", "nephele"])

    bundle = once(BUILD / "functions" / f"{spec.name}-{digest}", build)
    _forget_old(bundle, f"{spec.name}-*")
    return bundle


def build_image_context(dockerfile: Path, packages: Iterable[Path], requirements: str) -> Path:
    """Return the build folder of a container image: its Dockerfile, requirements and packages."""
    sources = {Path("Dockerfile"): dockerfile}
    for package in packages:
        sources |= source_files(package, package.name, without=("cli",))
    sources[Path("requirements.txt")] = ROOT / "requirements" / f"{requirements}.txt"
    digest = digest_of(_contents(sources))
    return once(BUILD / "images" / digest, lambda folder: copy_sources(sources, folder))


def source_files(folder: Path, target: str, without: Iterable[str] = ()) -> dict[Path, Path]:
    """Return the files of a source folder, by their path in the bundle, in a stable order."""
    unused = {"__pycache__", *without}
    return {
        Path(target, path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not unused.intersection(path.relative_to(folder).parts)
    }


def digest_of(parts: Iterable[str | bytes]) -> str:
    """Return a short hash of parts whose borders count."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]


def once(target: Path, build: Callable[[Path], None]) -> Path:
    """Build a folder unless it is there; a folder is there whole or not at all."""
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        temporary.chmod(0o755)
        build(temporary)
        temporary.rename(target)
    except OSError:
        if not target.is_dir():  # otherwise another process was faster
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def link(source: str, target: str) -> str:
    """Link a file, or copy it to another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def copy_sources(sources: dict[Path, Path], folder: Path) -> None:
    """Copy sources to their paths in a bundle."""
    for relative, source in sources.items():
        (folder / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / relative)


def _forget_old(current: Path, siblings: str) -> None:
    """Remove what was built for an older source and not within a day."""
    for folder in current.parent.glob(siblings):
        if folder != current and folder.stat().st_mtime < time.time() - _KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _contents(sources: dict[Path, Path]) -> Iterator[str | bytes]:
    for relative, source in sources.items():
        yield relative.as_posix()
        yield source.read_bytes()


def _build_dependencies(requirements: str, platform: str) -> Path:
    pinned = ROOT / "requirements" / f"{requirements}.txt"
    rules = [Path(__file__).read_bytes(), Path(prune.__file__).read_bytes()]
    digest = digest_of([pinned.read_bytes(), *rules, _PYTHON, platform, str(_CAN_COMPILE)])

    def build(folder: Path) -> None:
        _install(pinned, folder, platform)
        prune.prune(folder)
        _compile(folder, ["."])

    return once(BUILD / "requirements" / f"{requirements}-{digest}", build)


def _install(pinned: Path, folder: Path, platform: str) -> None:
    command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--target", str(folder), "--python-version", _PYTHON]
    command += ["--python-platform", platform, "--only-binary", ":all:", "-r", str(pinned)]
    subprocess.run(command, check=True)  # noqa: S603  a fixed command


def _write_metadata(folder: Path) -> None:
    """Let `importlib.metadata` know the wheel's version."""
    project = tomllib.loads((_WHEEL / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"], project["version"]
    metadata = folder / f"{name}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def _compile(folder: Path, names: list[str]) -> None:
    """Compile to bytecode that Lambda uses as it is: its code folder cannot be written."""
    if not _CAN_COMPILE:
        return
    command = [sys.executable, "-m", "compileall", "-q", "-s", str(folder), "-p", "/var/task"]
    command += ["--invalidation-mode", "unchecked-hash", *(str(folder / name) for name in names)]
    subprocess.run(command, check=True)  # noqa: S603  a fixed command
