"""The edge's image without docker: each step of its recipe is done in a scratch folder."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uv

from .assembly import Assembly

PYTHON = "python:3.13-slim-bookworm"
USER = 10001
needs_the_images_python = pytest.mark.skipif(
    sys.version_info[:2] != (3, 13), reason="the image is built for Python 3.13"
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="users are made by root alone")
OURS = ("dimse_edge", "nephele")
OF_THE_BASE = {
    *("libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1"),
    *("libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"),
}
"""Libraries of Debian's smallest installation (dpkg and apt need the last three); the image has no
others but those of its wheels."""
OF_OLDER_PYTHONS = {"jpeg_ls"}
"""Imported where the interpreter is older than the image's."""
IMPORT_ALL = """
import importlib, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import dimse_edge
for found in pkgutil.walk_packages(dimse_edge.__path__, "dimse_edge."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
print(json.dumps([getattr(module, "__file__", None) for module in list(sys.modules.values())]))
"""


def steps_of(dockerfile: Path) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile with what follows them."""
    text = re.sub(r"\\\n\s*", " ", dockerfile.read_text())
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]


@dataclass
class Image:
    """A folder in which the steps of a recipe are done, and what they set."""

    context: Path
    roots: Path
    stages: dict[str, Path] = field(default_factory=dict)
    root: Path = Path()
    settings: dict[str, str] = field(default_factory=dict)

    def do(self, instruction: str, rest: str) -> None:
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            assert base == PYTHON
            self.root = self.roots / (name or "last")
            self.stages[name] = self.root
            (self.root / "etc").mkdir(parents=True)
        elif instruction == "COPY":
            self._copy(rest)
        elif instruction == "RUN":
            for command in rest.split("&&"):
                self._run(shlex.split(command))
        else:
            assert instruction in {"WORKDIR", "ENV", "VOLUME", "USER", "STOPSIGNAL", "ENTRYPOINT"}
            self.settings[instruction] = rest

    def inside(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _copy(self, rest: str) -> None:
        source, target = rest.split()[-2:]
        stage = re.match(r"--from=(\S+)", rest)
        found = (self.stages[stage[1]] if stage else self.context) / source.lstrip("/")
        destination = self.inside(target)
        if found.is_dir():
            shutil.copytree(found, destination, dirs_exist_ok=True)
        else:
            destination = destination / found.name if target.endswith("/") else destination
            shutil.copy(found, destination)

    def _run(self, words: list[str]) -> None:
        """Do a command with the image's paths moved below the scratch folder."""
        program, *arguments = (
            str(self.inside(word)) if word.startswith("/") and word != NOLOGIN else word
            for word in words
        )
        if program == "pip":
            arguments.remove("--no-cache-dir")
            command = [uv.find_uv_bin(), "pip", *arguments, "--python", sys.executable]
        elif program == "useradd":
            for name in ("passwd", "group", "shadow", "gshadow"):
                (self.root / "etc" / name).touch()
            command = ["useradd", "--prefix", str(self.root), *arguments]
        elif program == "install":
            command = [program, *(str(USER) if word == "nephele" else word for word in arguments)]
        else:
            assert program == "python"
            command = [sys.executable, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert result.returncode == 0, (command, result.stderr)


NOLOGIN = "/usr/sbin/nologin"


@pytest.fixture(scope="module")
def image(default: Assembly, scratch: Path) -> Iterator[Image]:
    manifest = json.loads((default.folder / "Nephele-Edge.assets.json").read_text())
    (asset,) = manifest["dockerImages"].values()
    context = default.folder / asset["source"]["directory"]
    built = Image(context, scratch / "image")
    for instruction, rest in steps_of(context / "Dockerfile"):
        built.do(instruction, rest)
    yield built
    shutil.rmtree(built.roots)


pytestmark = [needs_the_images_python, needs_root]


def test_the_process_has_a_user_of_its_own_without_rights(image: Image) -> None:
    assert image.settings["USER"] == str(USER)
    (line,) = (image.root / "etc" / "passwd").read_text().splitlines()
    name, _, uid, _, _, _, shell = line.split(":")
    assert (name, uid, shell) == ("nephele", str(USER), NOLOGIN)
    spool = image.inside("/var/spool/nephele").stat()
    assert (spool.st_uid, spool.st_mode & 0o777) == (USER, 0o700)


def test_nothing_of_the_code_can_be_written_by_it(image: Image) -> None:
    for path in image.inside("/app").rglob("*"):
        if path.name == ".lock":  # of the installer that stands in for pip here
            continue
        mode = path.lstat()
        assert mode.st_uid != USER, path
        assert not mode.st_mode & 0o002 or path.is_symlink(), path


def test_all_of_the_edge_is_imported_from_the_image_alone(image: Image) -> None:
    app = image.inside("/app")
    command = [sys.executable, "-I", "-S", "-B", "-c", IMPORT_ALL, str(app)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    for name in filter(None, json.loads(result.stdout)):
        assert name.startswith(str(app)) or "site-packages" not in name, name


def test_the_image_holds_what_the_code_imports_and_none_of_the_tools(image: Image) -> None:
    app = image.inside("/app")
    held = {path.name.partition(".")[0] for path in app.iterdir()} | sys.stdlib_module_names
    imported = {
        name
        for package in OURS
        for path in (app / package).rglob("*.py")
        for module in _modules(ast.parse(path.read_text()))
        for name in [module.partition(".")[0]]
    }
    assert imported - held == OF_OLDER_PYTHONS
    assert not {"pytest", "aws_cdk", "mypy", "ruff", "infra", "tests", "moto", "ministack"} & held


def test_every_module_of_ours_that_is_named_is_in_the_image(image: Image) -> None:
    """What is imported in the midst of a function is missed by no start."""
    app = image.inside("/app")
    for package in OURS:
        for path in (app / package).rglob("*.py"):
            for name in _modules(ast.parse(path.read_text())):
                place = app.joinpath(*name.split("."))
                found = place.with_suffix(".py").is_file() or place.is_dir()
                assert found or name.partition(".")[0] not in OURS, (path, name)


def test_libraries_need_what_the_base_has_and_each_other(image: Image) -> None:
    app = image.inside("/app").resolve()
    libraries = [path for path in app.rglob("*.so*") if path.is_file()]
    assert len(libraries) > 30
    command = ["ldd", *map(str, libraries)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    needed = re.findall(r"^\t(\S+) => (.+?)(?: \(0x|$)", found.stdout, re.MULTILINE)
    assert {name for name, _ in needed} & OF_THE_BASE
    for name, place in needed:
        assert name in OF_THE_BASE or Path(place).resolve().is_relative_to(app), (name, place)


def _modules(tree: ast.Module) -> Iterator[str]:
    """Yield modules that a module imports when it runs, not those of its types alone."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_it_starts_as_its_entry_point_says(image: Image) -> None:
    (program, *arguments) = json.loads(image.settings["ENTRYPOINT"])
    assert (program, image.settings["WORKDIR"]) == ("python", "/app")
    start = f"import sys, runpy; sys.path.insert(0, {str(image.inside('/app'))!r}); sys.argv = "
    start += (
        f"[{arguments[1]!r}, '--help']; runpy.run_module({arguments[1]!r}, run_name='__main__')"
    )
    command = [sys.executable, "-I", "-S", "-B", "-c", start]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "--port" in result.stdout
