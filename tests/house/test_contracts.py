"""The import contracts in pyproject.toml speak of modules that exist, so none of them holds for nothing."""

import tomllib
from fnmatch import fnmatchcase

import pytest

from premises import PACKAGES, ROOT, package_sources, shown

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]

COMING: set[str] = set()
"""Rooms that the contracts wait for. One that has come leaves this list."""


def modules() -> set[str]:
    """The dotted names of all our modules and packages."""
    found = set()
    for path in package_sources():
        dotted = shown(path).removesuffix(".py").replace("/", ".")
        found.add(dotted.removesuffix(".__init__"))
    return found


def is_there(expression: str, known: set[str]) -> bool:
    """Whether an expression of import-linter (`*` one part, `**` any) names one of our modules."""
    parts = expression.split(".")
    return any(matches(parts, name.split(".")) for name in known)


def matches(parts: list[str], name: list[str]) -> bool:
    if not parts or not name:
        return parts == name
    if parts[0] == "**":
        return matches(parts[1:], name[1:]) or matches(parts, name[1:])
    return fnmatchcase(name[0], parts[0]) and matches(parts[1:], name[1:])


def expressions(contract: dict[str, object]) -> list[str]:
    """Every name of ours in a contract."""
    found: list[str] = []
    for key in ("source_modules", "forbidden_modules", "modules", "protected_modules", "allowed_importers"):
        found += contract.get(key, [])
    for container in contract.get("containers", [""]):
        for layer in contract.get("layers", []):
            names = layer.replace("|", " ").replace("(", "").replace(")", "").split()
            found += [f"{container}.{name}".lstrip(".") for name in names]
    for line in contract.get("ignore_imports", []):
        found += line.split(" -> ")
    return [name for name in found if name.split(".")[0] in PACKAGES]


@pytest.mark.parametrize("contract", SETTINGS["contracts"], ids=lambda contract: contract["id"])
def test_a_contract_names_modules_that_exist(contract):
    known = modules()
    named = expressions(contract)
    assert named
    assert {name for name in named if not is_there(name, known)} <= COMING


def test_rooms_that_have_come_are_no_longer_waited_for():
    known = modules()
    assert [name for name in COMING if is_there(name, known)] == []


def test_each_floor_is_under_contract():
    assert SETTINGS["root_packages"] == ["cli", "node", "gossip", "store"]


@pytest.mark.parametrize(
    ("expression", "is_named"),
    [
        ("a.b", True),
        ("a.*", True),
        ("a.**", True),
        ("a.*.c", True),
        ("a.x", False),
        ("*", True),
        ("a.b.c.**", False),
    ],
)
def test_expressions_are_read_as_the_tool_reads_them(expression, is_named):
    assert is_there(expression, {"a", "a.b", "a.b.c"}) == is_named
