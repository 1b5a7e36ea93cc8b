"""The runner of example pages, tried with a small command of its own called `aster`."""

import textwrap

import pytest

from page_runner import PageFailed, match_lines, parse_page, run_page

FAKE_ASTER = """\
#!/bin/sh
case "$1" in
    init) mkdir "$ASTERISM_HOME" && echo "device d-${ASTERISM_HOME##*/}" ;;
    post) echo "$2" >> "$ASTERISM_HOME/log" && echo "posted e$(wc -l < "$ASTERISM_HOME/log" | tr -d ' ')" ;;
    read) cat "$ASTERISM_HOME/log" ;;
    fail) echo "aster: no such thing" >&2; exit 66 ;;
    pass) echo "${PASS-none}" ;;
    die) trap '' TERM; echo ready; exit 3 ;;
    deaf) trap '' TERM; echo ready; sleep 600 & wait; sleep 600 ;;
    run)
        trap 'exit 0' TERM
        echo "starting"
        echo "ready at /ip4/127.0.0.1/tcp/4001/p2p/${ASTERISM_HOME##*/}"
        while ! [ -e said ]; do sleep 0.02; done
        echo "heard $(cat said)"
        while :; do sleep 0.02; done ;;
esac
"""


@pytest.fixture
def page(tmp_path):
    """Run a page's block with the small command."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "aster").write_text(FAKE_ASTER)
    (programs / "aster").chmod(0o755)
    folder = tmp_path / "page"
    folder.mkdir()

    def run(block, deadline_s=30.0):
        run_page(f"# A page\n\n```\n{textwrap.dedent(block).strip()}\n```\n", folder, programs, deadline_s)

    return run


def test_a_page_that_goes_as_it_says_passes(page):
    page("""
        alice$ aster init
        device d-alice
        alice$ aster post "good morning"
        posted e1
        bob$ aster init
        device d-bob
        alice$ aster read
        good morning
    """)


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("alice$ aster init\ndevice d-bob", "device d-alice"),
        ("alice$ aster init", "but it said"),
        ("alice$ true\nsomething", "but it said"),
        ("alice$ aster fail\naster: no such thing", "exit code 66"),
        ("alice$ aster fail\naster: no such thing\n(exit 65)", "exit code 66"),
        ("alice$ true\n(exit 1)", "exit code 0"),
        ("alice$ aster run &\nready …", "expected"),
        ("alice$ aster die &\nready\nmore", "ended before it said so"),
        ("$ kill -9 alice", "nothing in the background"),
        ("alice% aster run\nready", "no background command"),
    ],
)
def test_a_page_that_goes_otherwise_fails(page, block, complaint):
    with pytest.raises(PageFailed, match=complaint):
        page(block, deadline_s=1.0 if block.startswith("alice$ aster run") else 30.0)


def test_a_failure_names_the_line_and_the_command(page):
    with pytest.raises(PageFailed, match=r"line 5: alice: aster read"):
        page("alice$ true\nalice$ aster read\nnothing")


def test_a_stated_exit_code_is_expected(page):
    page("""
        alice$ aster fail
        aster: no such thing
        (exit 66)
    """)


def test_a_captured_value_is_known_to_later_commands(page):
    page("""
        alice$ aster init
        device [DEVICE]
        alice$ echo "hello $DEVICE" > note
        bob$ cat note
        hello [DEVICE]
        bob$ cat note
        hello d-alice
    """)


def test_a_captured_value_has_to_recur(page):
    with pytest.raises(PageFailed, match="d-bob"):
        page("""
            alice$ aster init
            device [DEVICE]
            bob$ aster init
            device [DEVICE]
        """)


def test_a_background_command_is_awaited_heard_again_and_ended(page):
    page("""
        alice$ aster run &
        starting
        ready at [ADDRESS]
        bob$ echo "$ADDRESS" > said
        alice% aster run
        heard [ADDRESS]
        $ kill -TERM alice
        (exit 0)
        alice$ aster run &
        …
        heard …
        $ kill -9 alice
        alice$ aster run &
        …
        alice% aster run
        …
        heard [ADDRESS]
    """)


def test_a_command_is_run_until_it_says_what_is_expected(page):
    page("""
        alice$ aster init
        device d-alice
        alice$ for word in one two three; do sleep 0.2; aster post $word; done &
        …
        alice? aster read; test -e said
        one
        …
        three
        (exit 1)
        alice? aster read | tail -n 1
        [LAST]
        alice$ echo $LAST
        three
    """)


def test_a_command_that_never_says_it_fails_with_what_it_said_last(page):
    with pytest.raises(PageFailed, match=r"(?s)not so in time.*yes.*it said:.*no$"):
        page("alice? echo no\nyes", deadline_s=2.0)


def test_a_background_command_that_died_of_an_error_fails_the_page(page):
    with pytest.raises(PageFailed, match="`aster die` ended with exit code 3"):
        page("alice$ aster die &\nready")


def test_a_command_over_its_deadline_is_ended(page):
    with pytest.raises(PageFailed, match="did not end in time"):
        page("alice$ echo begun; sleep 600\nbegun", deadline_s=0.3)


def test_a_background_command_that_does_not_end_fails_the_page(page, monkeypatch):
    monkeypatch.setattr("page_runner.STOP_DEADLINE_S", 0.3)
    with pytest.raises(PageFailed, match="did not end when told to"):
        page("alice$ aster deaf &\nready")


def test_commands_go_on_over_lines_and_through_pipes(page):
    page("""
        alice$ for word in one two
        > do echo $word
        > done | sort -r
        two
        one
        alice$ false | cat
        (exit 1)
    """)


def test_an_exported_variable_stays_with_its_actor(page):
    page("""
        alice$ export PASS=sesame
        alice$ aster pass
        sesame
        bob$ aster pass
        none
    """)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# Nothing\n", "no command"),
        ("```toml\na = 1\n```\n", "no command"),
        ("```\n```\n```\nalice$ true\n```\n", "block without a command"),
        ("```\nsome output\nalice$ true\n```\n", "begins with a command"),
        ("```\nalice$ true\n", "no end"),
        ("```\nalice$ aster run &\n```\n", "has to be stated"),
        ("```\nalice? aster read\n```\n", "has to be stated"),
    ],
)
def test_a_malformed_page_fails(text, complaint):
    with pytest.raises(PageFailed, match=complaint):
        parse_page(text)


def test_blocks_in_another_language_are_not_run():
    steps = parse_page("```json\nalice$ no\n```\n\n```console\nalice$ true\n```\n")
    assert [step.command for step in steps] == ["true"]


@pytest.mark.parametrize(
    ("expected", "lines", "variables"),
    [
        (["a…z"], ["abcz"], {}),
        (["a…z"], ["az"], {}),
        (["a…z"], ["abc"], None),
        (["…"], [], {}),
        (["…"], ["a", "b"], {}),
        (["…", "b", "…"], ["a", "b", "c"], {}),
        (["…", "b"], ["a", "b", "c"], None),
        (["a"], ["a", "b"], None),
        (["a.c"], ["abc"], None),
        (['{"id": "[ID]", …}'], ['{"id": "x7", "text": "hi"}'], {"ID": "x7"}),
        (["[A] [A]"], ["1 1"], {"A": "1"}),
        (["[A] [A]"], ["1 2"], None),
        (["…", "[A]", "b [A]"], ["1", "2", "b 2"], {"A": "2"}),
    ],
)
def test_lines_match_with_holes(expected, lines, variables):
    assert match_lines(expected, lines, {}) == variables
