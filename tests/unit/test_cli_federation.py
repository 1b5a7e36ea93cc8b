"""What the verbs about sections and members ask of the daemon, and what they print of the answer."""
# long because it is one table of verbs with their answers

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

import cli.session
from cli.main import run
from cli.times import MAX_SPAN_MS, read_span
from node.errors import BadData, Conflict, Refused

ID = "k3jd7wq2" + "a" * 44
OTHER = "x4tr5pbe" + "b" * 44
TIME_MS = 1_795_367_040_000
HOUR_MS = 3_600_000
CODE = "A" * 149

ALICE = {"member": ID, "name": "alice\x1b[31m"}
BOB = {"member": OTHER, "name": "bob"}
MEMBER = {**BOB, "short": OTHER[:10], "steward": True, "since_ms": TIME_MS, "devices": 2}
LYON = {"id": ID, "name": "Lyon"}
SECTION = {
    **LYON,
    "valid": True,
    "founding": True,
    "territory": "the Rhône",
    "languages": ["fr", "ar"],
    "stewards": [ALICE, BOB],
    "threshold": 2,
    "members": 12,
    "since_ms": 0,
    "endorsed_by": [],
    "needed": 1,
    "rivals": [],
    "own": True,
    "steward": True,
}
BERLIN = {**SECTION, "id": OTHER, "name": "Berlin", "valid": False, "founding": False, "languages": []}
ACT = {
    "id": ID,
    "kind": "change",
    "section": ID,
    "section_name": "Lyon",
    "what": "adds carol\u202e",
    "consents": [ALICE],
    "needed": 2,
    "complete": False,
    "effective": False,
    "proposed_by": "alice",
    "since_ms": TIME_MS,
    "yours": False,
}
DONE = {**ACT, "complete": True, "effective": True}
INVITE = {
    "id": ID,
    "section": ID,
    "section_name": "Lyon",
    "for": "members",
    "by": ALICE,
    "device": OTHER,
    "uses": 2,
    "used": 1,
    "expires_ms": TIME_MS,
    "state": "open",
    "claims": [{**BOB, "device": OTHER, "time_ms": TIME_MS, "brought": None, "stands": False, "late": True}],
}
HUB = {"device": OTHER, "name": "hub", "address": "/ip4/192.0.2.7/tcp/4001", "own": False, "hub": True}
MADE = {**INVITE, "code": CODE, "hub": HUB, "held": True, "warning": ""}
CUT = {
    **BOB,
    "acts": [],
    "devices": [
        {
            "device": OTHER,
            "name": "laptop",
            "logs": [{"log": "feed", "entries": 3, "held": 5, "last_ms": TIME_MS}],
        }
    ],
    "left_out": [],
}
DEVICE = {
    "device": OTHER,
    "name": "laptop",
    "member": OTHER,
    "member_name": "bob",
    "this": False,
    "standing": "former",
    "since_ms": TIME_MS,
    "connected": False,
    "hub": False,
    "ends": {"id": 3},
}
WHOIS = {
    **MEMBER,
    "root": ID,
    "roots": [OTHER, ID],
    "petname": "uncle",
    "self": False,
    "sections": [LYON],
    "left": [],
    "stewards": [LYON],
    "devices": [DEVICE],
    "admitted": [
        {
            "how": "invite",
            "section": ID,
            "section_name": "Lyon",
            "time_ms": TIME_MS,
            "by": ALICE,
            "invite": ID,
        },
        {
            "how": "admission",
            "section": ID,
            "section_name": "Lyon",
            "time_ms": 0,
            "by": ALICE,
            "invite": None,
        },
        {"how": "steward", "section": ID, "section_name": "Lyon", "time_ms": 0, "by": None, "invite": None},
    ],
}

INTEREST = {
    "everything": False,
    "sections": [LYON],
    "purposes": ["id", "feed"],
    "since_ms": TIME_MS,
    "without_bodies": [f"box-{digit:x}" for digit in range(16) if digit != 3],
    "age_ms": HOUR_MS,
    "boxes": "auto",
    "others": [
        {
            "device": OTHER,
            **BOB,
            "device_name": "hub",
            "hub": True,
            "everything": True,
            "sections": None,
            "purposes": None,
            "since_ms": 0,
        }
    ],
}

ANSWERS: dict[str, Any] = {
    "section/list": {"sections": [SECTION, BERLIN]},
    "section/show": {
        **SECTION,
        "people": [MEMBER, {**MEMBER, **ALICE, "steward": False}],
        "hubs": [{**HUB, "connected": True}],
        "pending": [ACT],
        "carried_by": [BOB],
        "declined_by": [ALICE],
        "said_ms": TIME_MS,
        "synced_ms": TIME_MS,
    },
    "section/invite": {**MADE, "for": "sections"},
    "section/endorse": {"acts": [DONE]},
    "section/change": {"acts": [ACT]},
    "steward/list": {"section": ID, "section_name": "Lyon", "threshold": 2, "stewards": [ALICE, BOB]},
    "steward/add": {"acts": [ACT]},
    "steward/retire": {"acts": [DONE]},
    "steward/threshold": {"acts": [ACT]},
    "steward/pending": {"acts": [ACT, {**ACT, "id": OTHER, "yours": True}]},
    "steward/consent": {"acts": [{**DONE, "effective": False}]},
    "invite/create": MADE,
    "invite/list": {"invites": [INVITE]},
    "invite/revoke": {**INVITE, "state": "revoked"},
    "member/list": {"members": [{**MEMBER, "sections": [LYON]}]},
    "member/admit": {**BOB, "section": ID, "section_name": "Lyon", "admitted": True},
    "member/end": CUT,
    "member/replace": {**CUT, "left_out": [OTHER]},
    "roster": [
        {"type": "section", **SECTION},
        {"type": "member", "section": ID, "section_name": "Lyon", **MEMBER},
    ],
    "whois": WHOIS,
    "petname/set": {**BOB, "name": "uncle", "petname": "uncle"},
    "petname/remove": {**BOB, "petname": None},
    "interest/show": INTEREST,
    "interest/set": INTEREST,
    "petname/list": {"petnames": [{"member": OTHER, "name": "uncle", "known": True}]},
}


class Table:
    """A daemon that answers from a table and notes what it was asked."""

    answers: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def __init__(self, paths: object) -> None:
        pass

    def call(self, method: str, params: dict[str, Any], extra_timeout_s: float = 0) -> Any:
        self.asked.append((method, params))
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stream(self, method: str, params: dict[str, Any]) -> Any:
        self.asked.append((method, params))
        yield from self.answers[method]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Table]:
    monkeypatch.setattr(Table, "answers", dict(ANSWERS))
    monkeypatch.setattr(Table, "asked", [])
    monkeypatch.setattr(cli.session, "Client", Table)
    monkeypatch.setenv("ASTERISM_HOME", str(tmp_path))
    return Table


CALLS: list[tuple[list[str], str, dict[str, Any], list[str]]] = [
    (
        ["section", "list"],
        "section/list",
        {},
        ["Lyon", "founding", "12 members", "2 of 2 stewards", "fr, ar", "waits: 0 of 1 endorsements"],
    ),
    (
        ["section", "show", "Lyon"],
        "section/show",
        {"section": "Lyon"},
        [
            "the Rhône",
            "2 of 2 stewards",
            "2 devices, since",
            "connected",
            "1 of 2 consent",
            "declined by  alice",
        ],
    ),
    (["section", "show"], "section/show", {}, ["Lyon", "stewards", "members", "hubs"]),
    (
        ["section", "invite", "--expires", "2d", "--hub", "hub"],
        "section/invite",
        {"valid_ms": 48 * HOUR_MS, "hub": "hub"},
        [CODE],
    ),
    (
        ["section", "endorse", "Berlin", "--section", "Lyon"],
        "section/endorse",
        {"name": "Berlin", "section": "Lyon"},
        ["done", "Lyon: adds carol\\u202e"],
    ),
    (
        ["section", "change", "--name", "L", "--territory", "T", "--language", "fr", "--language", "ar"],
        "section/change",
        {"name": "L", "territory": "T", "languages": ["fr", "ar"]},
        ["waits", f"others type: aster steward consent {ID[:10]}"],
    ),
    (["steward", "list"], "steward/list", {}, ["alice\\x1b[31m", "bob"]),
    (
        ["steward", "add", "carol", "--threshold", "3", "--choose"],
        "steward/add",
        {"member": "carol", "threshold": 3, "choose": True},
        ["waits", "1 of 2 consent (alice\\x1b[31m)"],
    ),
    (["steward", "retire", "bob"], "steward/retire", {"member": "bob"}, ["done"]),
    (["steward", "threshold", "2"], "steward/threshold", {"threshold": 2}, ["waits"]),
    (
        ["steward", "pending", "--all"],
        "steward/pending",
        {"all": True},
        [f"consent: aster steward consent {ID[:10]}", OTHER[:10]],
    ),
    (["steward", "consent", ID[:8]], "steward/consent", {"act": ID[:8]}, ["no effect"]),
    (
        ["invite", "create", "--uses", "3", "--section", "Lyon"],
        "invite/create",
        {"uses": 3, "section": "Lyon"},
        [CODE],
    ),
    (
        ["invite", "list"],
        "invite/list",
        {},
        [ID[:10], "open", "1 of 2 uses", "bob", "late, not in"],
    ),
    (["invite", "revoke", ID[:8]], "invite/revoke", {"invite": ID[:8]}, ["closed: 0 uses"]),
    (
        ["member", "list", "--section", "Lyon"],
        "member/list",
        {"section": "Lyon"},
        ["bob", OTHER[:10], "Lyon", "steward", "2 devices"],
    ),
    (["member", "admit", OTHER], "member/admit", {"root": OTHER}, ["bob", "is a member of Lyon"]),
    (["roster"], "roster", {}, ["Lyon  founding, 12 members", f"    bob  {OTHER[:10]}  2 devices  steward"]),
    (["roster", "--at", "2026-11-22T17:04:00Z"], "roster", {"at_ms": TIME_MS}, ["Lyon"]),
    (
        ["whois", "bob"],
        "whois",
        {"who": "bob"},
        ["bob", "Lyon", "uncle", f"with the invite {ID[:10]} of alice\\x1b[31m", "former", "by alice"],
    ),
    (["whois"], "whois", {}, ["as its steward"]),
    (
        ["interest", "show"],
        "interest/show",
        {},
        [
            "carries   sections Lyon; logs id, feed; texts since 2026",
            "; of packets only box-3 (auto)",
            "    bob, a hub  everything",
        ],
    ),
    (
        ["interest", "set", "--section", "Lyon", "--section", "B", "--purpose", "feed,docs", "--age", "1y"],
        "interest/set",
        {"sections": ["Lyon", "B"], "purposes": ["feed", "docs"], "age_ms": 8_760 * HOUR_MS},
        ["carries"],
    ),
    (["interest", "set", "--everything"], "interest/set", {"everything": True}, ["carries"]),
    (["interest", "set", "--boxes", "own"], "interest/set", {"boxes": "own"}, ["carries"]),
    (["interest", "set", "--age", "all"], "interest/set", {"age_ms": 0}, ["carries"]),
    (["petname", "bob", "uncle"], "petname/set", {"who": "bob", "name": "uncle"}, ["is called uncle"]),
    (["petname", "bob", "--remove"], "petname/remove", {"who": "bob"}, ["is called bob"]),
    (["petname"], "petname/list", {}, ["uncle", OTHER]),
]


def calls_as_ids() -> list[str]:
    return [" ".join(call[0][:3]) for call in CALLS]


@pytest.mark.parametrize(("arguments", "method", "params", "shown"), CALLS, ids=calls_as_ids())
def test_a_verb_asks_for_its_method_and_shows_the_answer(arguments, method, params, shown, table, capsys):
    assert run(arguments) == 0
    assert table.asked == [(method, params)]
    output = capsys.readouterr().out
    assert [part for part in shown if part not in output] == []
    assert "\x1b" not in output


@pytest.mark.parametrize(("arguments", "method", "params", "shown"), CALLS, ids=calls_as_ids())
def test_json_is_one_object_a_line(arguments, method, params, shown, table, capsys):
    assert run([*arguments, "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 1
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_a_code_stands_alone_on_standard_output_and_the_rest_beside_it(table, capsys):
    assert run(["invite", "create"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{CODE}\n"
    assert "It works 2 times" in captured.err
    assert "The hub hub holds it" in captured.err


def test_a_hub_that_does_not_hold_the_invite_is_warned_of_and_the_code_printed(table, capsys):
    table.answers["invite/create"] = {**MADE, "held": False, "warning": "The hub does not have it yet."}
    assert run(["invite", "create", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{CODE}\n"
    assert captured.err == "aster: The hub does not have it yet.\n"


def test_a_qr_code_is_drawn_where_it_is_asked_for(table, capsys):
    assert run(["invite", "create", "--qr"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == CODE
    assert len(lines) > 15


def test_a_safety_number_is_shown_in_two_lines(table, capsys):
    table.answers["whois"] = {**WHOIS, "safety": " ".join(f"{number:05}" for number in range(12))}
    assert run(["whois", "bob", "--safety"]) == 0
    assert table.asked == [("whois", {"who": "bob", "safety": True})]
    output = capsys.readouterr().out
    assert "safety    00000 00001 00002 00003 00004 00005\n" in output
    assert "          00006 00007 00008 00009 00010 00011\n" in output


ENDS = [
    (["member", "end", "bob", "--yes"], "member/end", {"member": "bob"}),
    (
        ["member", "replace", "bob", "--root", ID, "--without", "thief", "--yes"],
        "member/replace",
        {"member": "bob", "root": ID, "without": ["thief"]},
    ),
]


@pytest.mark.parametrize(("arguments", "method", "params"), ENDS)
def test_what_will_be_cut_is_shown_before_it_is_done(arguments, method, params, table, capsys):
    assert run(arguments) == 0
    assert table.asked == [(method, {**params, "preview": True}), (method, params)]
    captured = capsys.readouterr()
    assert "laptop" in captured.out
    assert "2 entries after that" in captured.out
    if method == "member/replace":
        assert "no room for the cut" in captured.err


@pytest.mark.parametrize("arguments", [call[0][:-1] for call in ENDS])
def test_without_a_terminal_nobody_is_asked_and_nothing_is_done(arguments, table, capsys):
    assert run(arguments) == 64
    assert table.asked == []
    assert "--yes" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["petname", "bob"], ["petname", "bob", "uncle", "--remove"]])
def test_a_petname_is_given_or_taken_away(arguments, table, capsys):
    assert run(arguments) == 64
    assert table.asked == []


@pytest.mark.parametrize(
    ("error", "code"), [(Refused("No.", "Ask."), 77), (Conflict("Twice.", "Choose."), 65)]
)
def test_what_is_refused_is_two_lines_and_an_exit_code(error, code, table, capsys):
    table.answers["steward/add"] = error
    assert run(["steward", "add", "bob"]) == code
    assert capsys.readouterr().err == f"aster: {error.message}\n{error.advice}\n"


@pytest.mark.parametrize(
    ("text", "span_ms"), [("2h", 2 * HOUR_MS), ("7d", 168 * HOUR_MS), ("1 Y", 8_760 * HOUR_MS), ("0s", 0)]
)
def test_a_span_is_read(text, span_ms):
    assert read_span(text) == span_ms


def test_an_endless_span_is_cut_to_what_every_program_reads():
    assert read_span("999999999y") == MAX_SPAN_MS


@pytest.mark.parametrize("text", ["", "soon", "2026-11-22", "-1d", "1.5h"])
def test_what_is_no_span_is_refused(text, table, capsys):
    with pytest.raises(BadData, match="no span"):
        read_span(text)
    assert run(["invite", "create", f"--expires={text}"]) == 65
    assert table.asked == []
