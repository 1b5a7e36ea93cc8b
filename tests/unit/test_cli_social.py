"""What the verbs of the social network ask of the daemon, a table of answers here, and what they print."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import cli.session
from cli.main import run

ID = "k3jd7wq2" + "a" * 44
OTHER = "x4tr5pbe" + "b" * 44
TIME_MS = 1_795_367_040_000

MESSAGE: dict[str, Any] = {
    "id": ID,
    "author": OTHER,
    "name": "alice\x1b[31m",
    "member": None,
    "device_name": "",
    "time_ms": TIME_MS,
    "log": "feed",
    "seq": 1,
    "reply_to": OTHER,
    "root": OTHER,
    "text": "*bread*\u202e for @bob",
    "language": "en",
    "topics": ["food", "bread"],
    "mentions": [{"typed": "bob", "who": OTHER, "name": "eve~k3jd"}],
    "attachments": [{"blob": OTHER, "name": "a\x1b.pdf", "media_type": "application/pdf", "size": 1_500}],
    "public": True,
    "corrected": {"id": OTHER, "time_ms": TIME_MS, "versions": 2},
    "translation": None,
    "translations": [],
    "reactions": [{"symbol": "✊", "count": 2, "mine": True, "names": ["alice", "bob"]}],
    "answers": 3,
}
TRANSLATED = {
    **MESSAGE,
    "language": "uk",
    "translation": {
        "id": OTHER,
        "author": OTHER,
        "name": "carol",
        "member": None,
        "time_ms": TIME_MS,
        "text": "Brot",
        "language": "de",
        "out_of_date": True,
    },
}
MISSING = {"id": OTHER, "text": None, "gone": "missing", "depth": 0}
DELETED = {
    **{key: MESSAGE[key] for key in ("id", "name", "time_ms", "reply_to")},
    "text": None,
    "gone": "deleted",
}
HIT = {
    "app": "documents",
    "what": "document",
    "id": ID,
    "hit": ID,
    "author": OTHER,
    "name": "alice",
    "member": None,
    "time_ms": TIME_MS,
    "title": "Menu\x07",
    "excerpt": "soup",
    "language": "",
    "topics": [],
    "open": "doc show menu.md",
}
WRITTEN = {"id": OTHER, "author": OTHER, "log": "feed", "seq": 2, "time_ms": TIME_MS}
CHOSEN = [
    {"choice": "block", "kind": "who", "who": ID, "name": "eve", "since_ms": TIME_MS},
    {"choice": "follow", "kind": "topic", "topic": "bread", "name": "#bread", "since_ms": TIME_MS},
]
ANSWERS: dict[str, Any] = {
    "post": WRITTEN,
    "post-lines": {"count": 1, "first_seq": 1, "last_seq": 1, "ids": [ID]},
    "timeline": [MESSAGE],
    "thread": [MISSING, {**MESSAGE, "depth": 1}, {**DELETED, "depth": 2}],
    "inbox": [{**MESSAGE, "why": ["mention", "answer"], "unread": True}],
    "inbox/mark": {"marked": 1},
    "post/history": {
        "id": ID,
        "versions": [
            {**MESSAGE, "text": "noon", "current": False},
            {**MESSAGE, "text": "one", "current": True},
        ],
    },
    "react": {"to": ID, "symbol": "✊", "on": True, "new": True},
    "correct": {**WRITTEN, "corrects": ID},
    "translate": {**WRITTEN, "translates": ID, "language": "de"},
    "topics": {"topics": [{"topic": "bread", "messages": 1_204, "last_ms": TIME_MS, "choice": "follow"}]},
    "choices": {"choices": CHOSEN},
    "search": [HIT],
    **{
        name: {**CHOSEN[0], "new": True}
        for name in ("follow", "unfollow", "mute", "unmute", "block", "unblock")
    },
}


class Table:
    """A daemon that answers from a table and notes what it was asked."""

    answers: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def __init__(self, paths: object) -> None:
        pass

    def call(self, method: str, params: dict[str, Any], extra_timeout_s: float = 0) -> dict[str, Any]:
        self.asked.append((method, params))
        answer = self.answers[method]
        assert isinstance(answer, dict)
        return answer

    def stream(self, method: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        self.asked.append((method, params))
        yield from self.answers[method]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Table]:
    monkeypatch.setattr(Table, "answers", dict(ANSWERS))
    monkeypatch.setattr(Table, "asked", [])
    monkeypatch.setattr(cli.session, "Client", Table)
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Table


CALLS: list[tuple[list[str], str, dict[str, Any], list[str]]] = [
    (
        ["post", "hi", "--topic", "food", "--lang", "de", "--public", "--force", "--reply-to", ID],
        "post",
        {"text": "hi", "topics": ["food"], "language": "de", "public": True, "force": True, "reply_to": ID},
        [OTHER],
    ),
    (
        ["timeline", "--section", "Lyon", "--topic", "a", "--topic", "b", "--following", "--before", ID[:8]],
        "timeline",
        {"section": "Lyon", "topics": ["a", "b"], "following": True, "before": ID[:8], "limit": 50},
        [
            "alice\\x1b[31m",
            "answers x4tr5pbebb  corrected  public",
            "    *bread*\\u202e for @bob (eve~k3jd)\n",
            "    file: a\\x1b.pdf (1.5 kB): aster file get x4tr5pbebb\n",
            "    #food  #bread  ✊ 2*  3 answers\n",
        ],
    ),
    (["read", "--lang", "de,en"], "timeline", {"limit": 50, "languages": ["de,en"]}, ["bread"]),
    (["read", "--original"], "timeline", {"limit": 50, "languages": []}, ["bread"]),
    (
        ["thread", ID[:8]],
        "thread",
        {"id": ID[:8], "limit": 200},
        [
            "x4tr5pbebb\n    (not here yet)\n",
            "  alice\\x1b[31m",
            "      *bread*",
            "        (deleted by its author)\n",
        ],
    ),
    (["inbox"], "inbox", {"limit": 50}, ["  mention and answer  *\n"]),
    (["inbox", "--all", "--limit", "3"], "inbox", {"limit": 3, "all": True}, ["bread"]),
    (["history", ID], "post/history", {"id": ID}, ["    noon\n", "  now\n    one\n"]),
    (["correct", ID, "x", "--private"], "correct", {"id": ID, "text": "x", "public": False}, [OTHER]),
    (["translate", ID, "x", "--lang", "de"], "translate", {"id": ID, "text": "x", "language": "de"}, [OTHER]),
    (["topics", "br"], "topics", {"begins": "br", "limit": 50}, ["#bread  1,204", "  *\n"]),
    (["choices"], "choices", {}, ["follow  topic    #bread", "block   person   eve"]),
    (
        ["search", "soup", "and bread", "--app", "docs", "--lang", "de", "--topic", "food"],
        "search",
        {"words": "soup and bread", "app": "docs", "language": "de", "topic": "food", "limit": 20},
        ["Menu\\x07  document by alice", "    soup\n    aster doc show menu.md\n"],
    ),
]


@pytest.mark.parametrize(
    ("arguments", "method", "params", "shown"), CALLS, ids=[" ".join(c[0][:2]) for c in CALLS]
)
def test_a_verb_asks_for_its_method_and_shows_the_answer(arguments, method, params, shown, table, capsys):
    assert run(arguments) == 0
    assert table.asked == [(method, params)]
    output = capsys.readouterr().out
    assert [part for part in shown if part not in output] == []
    assert "\x1b" not in output


@pytest.mark.parametrize(
    ("arguments", "method", "params", "shown"), CALLS, ids=[" ".join(c[0][:2]) for c in CALLS]
)
def test_json_is_one_object_a_line(arguments, method, params, shown, table, capsys):
    assert run([*arguments, "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 1
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_a_translation_says_whose_it_is_from_which_language_and_of_which_text(table, capsys):
    table.answers["timeline"] = [TRANSLATED]
    assert run(["read"]) == 0
    output = capsys.readouterr().out
    assert "    Brot\n" in output
    assert "bread" not in output.splitlines()[1]
    assert "translated from uk to de by carol, of an earlier text;" in output
    assert "as written: aster thread k3jd7wq2aa --original" in output


def test_what_is_shown_can_be_marked_as_read_at_once(table, capsys):
    assert run(["inbox", "--mark-read"]) == 0
    assert table.asked == [("inbox", {"limit": 50}), ("inbox/mark", {"ids": [ID]})]
    assert "1 message marked as read." in capsys.readouterr().err
    table.answers["inbox"] = []
    assert run(["inbox", "--mark-read"]) == 0
    assert table.asked[2:] == [("inbox", {"limit": 50})]


def test_named_messages_are_marked_as_read(table, capsys):
    assert run(["inbox", ID[:8], OTHER]) == 0
    assert table.asked == [("inbox/mark", {"ids": [ID[:8], OTHER]})]
    assert capsys.readouterr().out == ""


def test_a_reaction_is_said_and_one_that_was_there_too(table, capsys):
    assert run(["react", ID, "✊"]) == 0
    assert table.asked == [("react", {"id": ID, "symbol": "✊"})]
    table.answers["react"] = {**ANSWERS["react"], "new": False}
    assert run(["react", ID]) == 0
    assert run(["react", ID, "--off"]) == 0
    assert table.asked[1:] == [
        ("react", {"id": ID, "symbol": "👍"}),
        ("react", {"id": ID, "symbol": "👍", "off": True}),
    ]
    said = capsys.readouterr().err.splitlines()
    assert said == ["✊ to k3jd7wq2aa", "You have reacted so before.", "You have not reacted so."]


@pytest.mark.parametrize("verb", ["follow", "unfollow", "mute", "unmute", "block", "unblock"])
def test_one_person_section_or_topic_is_chosen(verb, table, capsys):
    assert run([verb, "eve"]) == 0
    assert run([verb, "--section", "Lyon"]) == 0
    assert table.asked == [(verb, {"who": "eve"}), (verb, {"section": "Lyon"})]
    assert "eve" in capsys.readouterr().err
    assert run([verb]) == 64
    assert run([verb, "eve", "--section", "Lyon"]) == 64


def test_files_are_named_to_the_daemon_by_where_they_are(table, tmp_path):
    assert run(["post", "x", "--attach", "a.pdf", "--attach", "/tmp/b.pdf"]) == 0
    assert table.asked == [("post", {"text": "x", "attach": [str(tmp_path / "a.pdf"), "/tmp/b.pdf"]})]


@pytest.mark.parametrize(
    "arguments",
    [
        ["read", "--lang", "de", "--original"],
        ["inbox", "--mark-read", "--follow"],
        ["inbox", ID, "--mark-read"],
        ["post", "--lines", "-", "--attach", "a"],
        ["post", "--lines", "-", "--force"],
        ["block", "--topic", "bread"],
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, table):
    assert run(arguments) == 64
    assert table.asked == []


def test_where_nothing_is_it_is_said(table, capsys):
    for method in ("timeline", "inbox", "search"):
        table.answers[method] = []
    table.answers["topics"], table.answers["choices"] = {"topics": []}, {"choices": []}
    for arguments in (["read"], ["inbox"], ["inbox", "--all"], ["search", "x"], ["topics"], ["choices"]):
        assert run(arguments) == 0
    assert capsys.readouterr().err.splitlines() == [
        "No messages.",
        "Nothing new is addressed to you.",
        "Nothing is addressed to you.",
        "Nothing was found.",
        "No topics.",
        "You follow, mute and block nobody and nothing.",
    ]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_emphasis_is_styled_and_other_directions_are_isolated(table, monkeypatch):
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.delenv("NO_COLOR", raising=False)
    table.answers["timeline"] = [{**MESSAGE, "name": "שלום", "text": "אבג *דהו* abc"}]
    assert run(["read"]) == 0
    head, text, *_ = out.getvalue().splitlines()
    assert head.startswith("\x1b[1m\u2068שלום\u2069\x1b[0m")
    assert text == "    \u2068אבג \x1b[3mדהו\x1b[0m abc\u2069"


def test_signs_from_right_to_left_disorder_no_counts(table, monkeypatch):
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("NO_COLOR", "1")
    signs = [{"symbol": sign, "count": 2, "mine": False, "names": []} for sign in ("תודה", "✊")]
    table.answers["timeline"] = [{**MESSAGE, "reactions": signs, "topics": [], "attachments": []}]
    assert run(["read"]) == 0
    assert out.getvalue().splitlines()[-1] == "    \u2068תודה\u2069 2  ✊ 2  3 answers"
