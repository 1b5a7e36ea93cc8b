"""Where the project's files are, in a checkout and where the suite runs against the built wheel.

Documents and tests lie around this file. The four packages are looked up as Python finds them, because
in the second case they are installed and not beside the documents.
"""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("cli", "gossip", "node", "store")
ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
"""Where the environment that runs the tests keeps `aster` and the tools."""

_SKIPPED = {"__pycache__", "build", "dist", "node_modules"}
_LEFT_BY_TOOLS = {".git", "uv.lock"}
"""Files; in a further working tree of git `.git` is one, which names a path of the machine."""


def package_folder(name: str) -> Path:
    """The folder of one of the four packages."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def package_sources() -> list[Path]:
    """Every Python file of the four packages."""
    return [path for name in PACKAGES for path in sorted(package_folder(name).rglob("*.py"))]


def all_sources() -> list[Path]:
    """Every Python file of the packages, the tests and the benchmarks."""
    around = [path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
    return package_sources() + around


def all_files() -> list[Path]:
    """Every file that belongs to the project, but not what tools leave behind."""
    found = {path for name in PACKAGES for path in _files_below(package_folder(name))}
    return sorted(found | set(_files_below(ROOT)))


def _files_below(top: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(top):
        below[:] = [name for name in below if name not in _SKIPPED and _is_ours(name)]
        for name in names:
            if name not in _LEFT_BY_TOOLS and not name.endswith(".pyc"):
                yield Path(folder) / name


def _is_ours(folder: str) -> bool:
    return not folder.startswith(".") or folder == ".ci"


def shown(path: Path) -> str:
    """The path as a reader knows it: from the project's root, or from its package."""
    for name in PACKAGES:
        folder = package_folder(name)
        if path.is_relative_to(folder):
            return str(Path(name) / path.relative_to(folder))
    return str(path.relative_to(ROOT))
