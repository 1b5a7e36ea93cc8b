"""The habits of the house that no linter knows: sizes, docstrings, names of test files."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from premises import ROOT, all_sources, package_sources, shown

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
"""Of the body, the docstring not counted."""

LONG_BECAUSE = "# long because "
"""A line that begins so, in the file or the function, gives the reason and lifts the limit."""

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def has_reason(lines: list[str]) -> bool:
    return any(line.strip().startswith(LONG_BECAUSE) for line in lines)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, int]:
    """First and last line of what a function does, its signature and docstring left out."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return (body[0].lineno, body[-1].end_lineno) if body else (function.lineno, function.lineno)


def long_functions(source: str) -> list[tuple[str, int]]:
    """Name and body lines of each function over the limit that does not say why."""
    lines = source.splitlines()
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, FUNCTIONS):
            first, last = body_lines(node)
            count = last - first + 1
            if count > MAX_FUNCTION_LINES and not has_reason(lines[node.lineno - 1 : last]):
                found.append((node.name, count))
    return found


def public_parts(tree: ast.Module) -> list[tuple[str, ast.AST]]:
    """Functions, classes and methods whose own names and whose classes' names have no underscore."""
    found: list[tuple[str, ast.AST]] = []

    def gather(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
                found.append((prefix + node.name, node))
                if isinstance(node, ast.ClassDef):
                    gather(node.body, f"{node.name}.")

    gather(tree.body, "")
    return found


def is_overload_or_setter(node: ast.AST) -> bool:
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in getattr(node, "decorator_list", [])}
    return bool(marks & {"overload", "setter", "override"})


def is_typed(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    bare = [argument.arg for argument in arguments if argument.annotation is None]
    return node.returns is not None and bare in ([], ["self"], ["cls"])


def test_files_stay_short_or_say_why():
    found = []
    for path in all_sources():
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > MAX_FILE_LINES and not has_reason(lines):
            found.append(f"{shown(path)} has {len(lines)} lines")
    assert found == []


def test_functions_stay_short_or_say_why():
    found = {shown(path): long_functions(path.read_text(encoding="utf-8")) for path in all_sources()}
    assert {path: functions for path, functions in found.items() if functions} == {}


def test_every_module_says_what_it_is():
    assert [shown(path) for path in all_sources() if ast.get_docstring(parsed(path)) is None] == []


def test_what_is_public_is_documented_and_typed():
    found = []
    for path in package_sources():
        for name, node in public_parts(parsed(path)):
            if is_overload_or_setter(node):
                continue
            if ast.get_docstring(node) is None:
                found.append(f"{shown(path)} {name} has no docstring")
            if isinstance(node, FUNCTIONS) and not is_typed(node):
                found.append(f"{shown(path)} {name} is not typed in full")
    assert found == []


def test_tests_are_no_packages_and_have_names_of_their_own():
    sources = sorted((ROOT / "tests").rglob("*.py"))
    assert sources
    assert [shown(path) for path in sources if path.name == "__init__.py"] == []
    counted = Counter(path.name for path in sources if path.name != "conftest.py")
    assert [name for name, count in counted.items() if count > 1] == []


def test_every_file_that_is_named_a_test_holds_one():
    for path in (ROOT / "tests").rglob("test_*.py"):
        names = [node.name for node in ast.walk(parsed(path)) if isinstance(node, (*FUNCTIONS, ast.ClassDef))]
        assert any(name.startswith(("test_", "Test")) for name in names), f"{shown(path)} tests nothing"


def test_every_file_that_holds_a_test_is_named_so():
    for path in (ROOT / "tests").rglob("*.py"):
        if path.name.startswith("test_"):
            continue
        names = [node.name for node in parsed(path).body if isinstance(node, FUNCTIONS)]
        assert not any(name.startswith("test_") for name in names), f"{shown(path)} is never collected"


@pytest.mark.parametrize(
    ("body", "is_long"),
    [
        ("    pass\n" * MAX_FUNCTION_LINES, False),
        ("    pass\n" * (MAX_FUNCTION_LINES + 1), True),
        ('    """Says\n' + "    much.\n" * 60 + '    """\n    pass\n', False),
        ("    # long because it is a table\n" + "    pass\n" * 50, False),
        ("    pass\n    # long because it is a table\n" + "    pass\n" * 50, False),
    ],
)
def test_the_measure_of_functions_counts_bodies(body, is_long):
    assert bool(long_functions("def measured():\n" + body)) == is_long
