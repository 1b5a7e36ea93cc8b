"""The table of verbs: whole, lazy, with help and an example for each; and the page made from it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

from cli import errors
from cli.commands import build
from cli.main import run
from cli.reference import write_page
from cli.verbs import VERBS, Group, Verb
from node.doors.control.protocol import STATUS
from node.errors import BadData, NodeError

DOCS = Path(__file__).parents[2] / "docs"


def leaves() -> Iterator[tuple[str, Verb]]:
    for name, entry in VERBS.items():
        if isinstance(entry, Group):
            yield from ((f"{name} {inner}", verb) for inner, verb in entry.verbs.items())
        else:
            yield name, entry


@pytest.mark.parametrize(("path", "verb"), list(leaves()), ids=[path for path, _ in leaves()])
def test_each_verb_has_help_with_an_example_of_itself(path, verb):
    command = build(path.split()[-1], verb)
    text = command.get_help(typer.Context(command, info_name=f"aster {path}"))
    before, _, examples = text.partition("Examples:")
    assert len(before.splitlines()) > 3
    assert f"aster {path}" in examples
    assert "--quiet" in before
    if path != "network export":
        assert "--json" in before


def test_the_help_of_the_whole_names_every_verb_and_imports_none():
    script = (
        "import sys; from cli.main import run; run(['--help']); "
        "print([m for m in sys.modules if m.startswith('cli.')])"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    for name, entry in VERBS.items():
        assert f"  {name} " in output
        assert entry.summary.split()[0] in output
    modules = {verb.module for _, verb in leaves()}
    imported = output.splitlines()[-1]
    assert not [module for module in modules if repr(module) in imported]
    assert all(find_spec(module) for module in modules)


def test_help_of_the_command_ends_well(capsys):
    assert run(["--help"]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["doc"], ["pots"], ["post"], ["read", "--limit", "x"], ["read", "--colour"]]
)
def test_wrong_usage_is_exit_code_64_and_says_where_to_read(arguments, capsys):
    assert run(arguments) == 64
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--help" in captured.err


def test_a_verb_that_was_mistyped_is_guessed(capsys):
    run(["pots"])
    assert "Did you mean 'post'?" in capsys.readouterr().err


def test_an_error_is_two_lines_what_and_advice(capsys):
    errors.show_error(BadData("This is wrong\x1b[2J.", "Do that."))
    assert capsys.readouterr().err == "aster: This is wrong\\x1b[2J.\nDo that.\n"


def test_every_error_code_has_its_exit_code():
    assert set(errors.EXIT_CODES) == set(STATUS)
    page = (DOCS / "protocol" / "control.md").read_text("utf-8")
    for code, exit_code in errors.EXIT_CODES.items():
        assert f"| `{code}` | {STATUS[code]} | {exit_code} |" in page


@pytest.mark.parametrize("kind", NodeError.__subclasses__())
def test_every_error_of_the_node_has_advice_to_give(kind, capsys):
    errors.show_error(kind("It went wrong.", "Do this."))
    assert capsys.readouterr().err.count("\n") == 2
    assert errors.exit_code(kind("It went wrong.", "")) in set(errors.EXIT_CODES.values())


def test_a_fault_of_ours_is_two_lines_and_exit_code_70(capsys):
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError("ours")
    assert errors.show_fault(caught.value) == 70
    err = capsys.readouterr().err
    assert "ZeroDivisionError: ours (test_cli_verbs.py" in err
    assert err.count("\n") == 2


def test_the_page_about_the_command_is_current():
    assert (DOCS / "cli.md").read_text("utf-8") == write_page(), "run: python -m cli.reference > docs/cli.md"


def test_without_a_home_the_advice_is_to_make_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path / "none"))
    for arguments in (["post", "x"], ["read"], ["status"], ["run"]):
        assert run(arguments) == 66
        assert "aster join CODE" in capsys.readouterr().err


def test_without_a_daemon_the_advice_is_to_start_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "network.aster").touch()
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path))
    assert run(["post", "x"]) == 69
    assert capsys.readouterr().err == "aster: No daemon runs for this home.\nStart it with: aster run\n"


@pytest.mark.parametrize(
    ("words", "offered"), [("aster d", "device\ndirectory\ndoc\ndelete\ndemo"), ("aster doc sh", "show")]
)
def test_a_shell_is_told_how_words_go_on(words, offered):
    variables = {"_ASTER_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", "from cli.main import run; run([])"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == offered
