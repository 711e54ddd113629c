"""Where a worker finds its code: the built bundle, and what Lambda's runtime adds to it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.local.folders import DataFolder
from infra.local.inventory import DeployedFunction

_SHARED = Path(__file__).resolve().parents[3] / "lambdas" / "shared"
_LAMBDA_PYTHON = (3, 13)
_RUNTIME_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
_OWN_FILES = ("handler.py", "configuration.json")


@dataclass(frozen=True, slots=True)
class TaskRoot:
    """A function's code and the search path of its modules."""

    folder: Path
    search_path: tuple[Path, ...]

    def python_path(self) -> str:
        """Return the search path as the variable of that name."""
        return ":".join(str(folder) for folder in self.search_path)


def runs_bundles() -> bool:
    """Tell whether this Python is Lambda's, so that the zips themselves can run."""
    return sys.version_info[:2] == _LAMBDA_PYTHON


def prepare_runtime(folder: DataFolder) -> None:
    """Lay out what Lambda's Python runtime has beside a function's code, and nothing else."""
    shutil.rmtree(folder.runtime, ignore_errors=True)
    folder.runtime.mkdir(parents=True)
    for module in _iter_runtime_modules():
        (folder.runtime / module.name).symlink_to(module)


def task_root(function: DeployedFunction, folder: DataFolder) -> TaskRoot:
    """Return a function's code: its bundle, or the source tree where the bundle cannot run."""
    if runs_bundles():
        return TaskRoot(function.code, (function.code, folder.runtime))
    own = folder.temporary / "code" / function.name
    own.mkdir(parents=True, exist_ok=True)
    for name in _OWN_FILES:
        if (function.code / name).is_file():
            shutil.copyfile(function.code / name, own / name)
    packages = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))
    return TaskRoot(own, (own, _SHARED, *packages))


def _iter_runtime_modules() -> Iterator[Path]:
    for name in _RUNTIME_MODULES:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(name)
        yield Path(found.origin).parent if found.submodule_search_locations else Path(found.origin)
