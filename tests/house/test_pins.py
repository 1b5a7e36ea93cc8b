"""The lists of pinned versions agree with each other and hold everything that gets installed."""

import importlib.metadata
import tomllib
from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from premises import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(lines: Iterable[str]) -> dict[str, str]:
    """Version by name, of lines that each pin one package."""
    found = {}
    for line in lines:
        requirement = Requirement(line)
        (only,) = requirement.specifier
        assert only.operator == "==", f"{line} pins no version"
        found[canonicalize_name(requirement.name)] = only.version
    return found


def runtime_pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return pins(line for line in lines if line and not line.startswith("#"))


def all_pins() -> dict[str, str]:
    settings = PROJECT["tool"]["uv"]
    return pins([*settings["constraint-dependencies"], *settings["override-dependencies"]])


def needed(roots: Iterable[str]) -> set[str]:
    """The names of everything that these requirements draw in, as this environment has it installed."""
    waiting = [Requirement(root) for root in roots]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                below = map(Requirement, importlib.metadata.requires(name) or [])
                waiting += [
                    one for one in below if one.marker is None or one.marker.evaluate({"extra": extra})
                ]
    return {name for name, _ in seen}


def test_direct_dependencies_are_pinned_to_one_version():
    direct = pins([*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]])
    assert direct.items() <= all_pins().items()


def test_both_lists_say_the_same():
    everything = all_pins()
    runtime = runtime_pins()
    assert {name: everything.get(name) for name in runtime} == runtime


def test_whatever_gets_installed_is_pinned():
    missing = needed(PROJECT["project"]["dependencies"]) - runtime_pins().keys()
    assert missing == set()
    missing = needed(PROJECT["dependency-groups"]["dev"]) - all_pins().keys()
    assert missing == set()


def test_this_environment_has_the_versions_that_are_pinned():
    names = needed([*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]])
    installed = {name: importlib.metadata.version(name) for name in names}
    pinned = all_pins()
    assert installed == {name: pinned[name] for name in names}
