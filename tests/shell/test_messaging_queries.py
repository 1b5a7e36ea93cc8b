"""What is shown of conversations, over tables that are filled here as the steps of the messenger do."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from node.apps.messenger.bodies import Attachment, Text, content_of
from node.apps.messenger.conversations import Kind, Notice, State, direct_id
from node.apps.messenger.messages import Gone
from node.errors import Ambiguous, BadData, Missing
from node.home import Home
from node.messaging.queries import MessagingQueries
from node.queries import Queries
from node.testing.homes import temporary_home
from node.testing.people import people
from store.codec import encode
from store.ids import from_text, to_text
from store.search_text import normal_form

BOB, CAROL, DORA, EVE = people(("bob", "carol", "dora", "eve"))
NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000

Json = dict[str, Any]


class Chats:
    """A home whose tables are filled row by row."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.me = bytes(home.device)
        self.ask: MessagingQueries = Queries(home, lambda: NOW_MS).messaging
        self._count = 0

    def run(self, sql: str, *values: object) -> list[Any]:
        with self.home.database.write() as connection:
            return connection.execute(sql, values).fetchall()

    def conversation(
        self, kind: Kind, name: bytes, other: bytes | None, title: str = "", state: State = State.OPEN
    ) -> int:
        self._count += 1
        [(c,)] = self.run(
            "INSERT INTO chat_conversations (id, kind, other, state, title, by, since_ms, last_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING c",
            *(name, kind, other, state, title, other, NOW_MS, NOW_MS + self._count),
        )
        return int(c)

    def direct(self, other: bytes, state: State = State.OPEN) -> int:
        return self.conversation(
            Kind.DIRECT, direct_id(self.home.network, self.me, other), other, state=state
        )

    def group(self, title: str, members: list[bytes], state: State = State.OPEN, name: bytes = b"") -> int:
        c = self.conversation(
            Kind.GROUP, name or bytes([65 + self._count]) * 16, None, title=title, state=state
        )
        for who in members:
            self.run("INSERT INTO chat_members VALUES (?, ?, ?)", c, who, int(who == self.me))
        return c

    def say(self, c: int, who: bytes, text: Text, at_ms: int = NOW_MS, **columns: object) -> str:
        """A message; its id as text."""
        self._count += 1
        row = {
            "c": c,
            "entry": bytes([self._count]) * 4 + bytes(28),
            "s": 1,
            "device": who,
            "who": who,
            "at_ms": at_ms,
            "arrived_ms": at_ms,
            "kind": 1,
            "content": content_of(text),
            "expires_ms": 0,
            "read_ms": 1,
            "gone": 0,
            **columns,
        }
        marks = ", ".join("?" * len(row))
        [(n,)] = self.run(
            f"INSERT INTO chat_messages ({', '.join(row)}) VALUES ({marks}) RETURNING n", *row.values()
        )
        words = " ".join((text.text, *(each.name for each in text.attachments)))
        self.run("INSERT INTO chat_words (rowid, words) VALUES (?, ?)", n, normal_form(words))
        entry = row["entry"]
        return to_text(entry) if isinstance(entry, bytes) else ""

    def sent(self, c: int, text: str, devices: dict[bytes, int], index: int = 0) -> str:
        """An own message in a session that these devices have the key of; values: tries."""
        rows = self.run("SELECT coalesce(max(s), 0) + 1 FROM chat_sessions")
        s = rows[0][0]
        self.run(
            "INSERT INTO chat_sessions VALUES (?, ?, ?, ?, ?, ?)", s, s, self.me, b"c" * 16, b"p", NOW_MS
        )
        self.run("INSERT INTO chat_senders VALUES (?, ?, ?, ?, 1, 0)", s, b"c" * 16, b"p", NOW_MS)
        for device, tries in devices.items():
            self.run("INSERT INTO chat_shares VALUES (?, ?, 0, ?, 0, 0)", s, device, tries)
        return self.say(c, self.me, Text(text), s=s, idx=index)

    def row_of(self, message: str) -> int:
        return self.ask.message(message).n


@pytest.fixture
def chats() -> Iterator[Chats]:
    with temporary_home("alice", [BOB, CAROL, DORA, EVE]) as home:
        yield Chats(home)


def texts(messages: Iterator[Json]) -> list[str | None]:
    return [each["text"] for each in messages]


def test_conversations_are_listed_with_what_is_new_and_requests_stand_apart(chats: Chats) -> None:
    with_bob = chats.direct(BOB.id)
    chats.say(with_bob, BOB.id, Text("read already"))
    chats.say(with_bob, BOB.id, Text("the\nnewest " + "word " * 50), NOW_MS + 5, read_ms=0)
    strange = chats.direct(EVE.id, State.REQUEST)
    chats.say(strange, EVE.id, Text("let me in"), read_ms=0)
    chats.group("Bakers", [chats.me, BOB.id, CAROL.id])
    answer = chats.ask.chat_list()
    assert [(each["name"], each["kind"], each["unread"]) for each in answer["conversations"]] == [
        ("Bakers", "group", 0),
        ("bob", "direct", 1),
    ]
    assert answer["requests"] == 1
    assert answer["unread"] == 1
    last = answer["conversations"][1]["last"]
    assert last["text"].startswith("the newest word")
    assert len(last["text"]) == 80
    assert answer["conversations"][0]["members"] == 3
    [request] = chats.ask.chat_list(requests=True)["conversations"]
    assert (request["name"], request["state"], request["by"]["name"]) == ("eve", "request", "eve")
    assert len(chats.ask.chat_list(limit=1)["conversations"]) == 1
    chats.run("INSERT INTO choices VALUES ('block', 'who', ?, 0)", EVE.id)
    assert chats.ask.chat_list()["requests"] == 0


def test_pages_go_back_from_the_newest_and_show_all_that_is_new(chats: Chats) -> None:
    c = chats.direct(BOB.id)
    ids = [chats.say(c, BOB.id, Text(f"m{number}"), NOW_MS + number) for number in range(60)]
    assert texts(chats.ask.chat_read("bob")) == [f"m{number}" for number in range(10, 60)]
    page = list(chats.ask.chat_read("bob", before=ids[10], limit=3))
    assert texts(iter(page)) == ["m7", "m8", "m9"]
    assert texts(chats.ask.chat_read("bob", unread=True)) == []
    chats.run("UPDATE chat_messages SET read_ms = 0 WHERE n = ?", chats.row_of(ids[5]))
    assert texts(chats.ask.chat_read("bob"))[0] == "m5"
    assert texts(chats.ask.chat_read("bob", unread=True)) == ["m5"]
    assert texts(chats.ask.chat_read("bob", limit=1)) == ["m59"]
    with pytest.raises(Missing, match="no conversation with carol"):
        list(chats.ask.chat_read("carol"))
    other = chats.say(chats.direct(CAROL.id), CAROL.id, Text("elsewhere"))
    with pytest.raises(BadData, match="another conversation"):
        list(chats.ask.chat_read("bob", before=other))


def test_a_message_is_shown_whole_and_never_with_the_key_of_a_file(chats: Chats) -> None:
    c = chats.direct(BOB.id)
    first = chats.say(c, BOB.id, Text("will you come?"))
    file = Attachment(b"B" * 32, 2_000, b"K" * 32, "plan.pdf", "application/pdf", 1_500)
    answered = from_text(first)
    second = chats.say(c, BOB.id, Text("see", answered, 60, (file,)), NOW_MS + 1, expires_ms=NOW_MS + 60_000)
    shown = chats.ask.chat_show(second[:8])
    assert (shown["id"], shown["chat"], shown["mine"], shown["delivery"]) == (second, "bob", False, None)
    assert shown["answers"] == {"id": first, "name": "bob", "text": "will you come?"}
    assert shown["attachments"] == [
        {"blob": to_text(b"B" * 32), "name": "plan.pdf", "media_type": "application/pdf", "size": 1_500}
    ]
    assert to_text(b"K" * 32) not in json.dumps(shown)
    chats.run(
        "UPDATE chat_messages SET gone = ?, content = X'' WHERE n = ?", Gone.UNSENT, chats.row_of(second)
    )
    gone = chats.ask.chat_show(second)
    assert (gone["text"], gone["gone"], gone["attachments"]) == (None, "unsent", [])
    elsewhere = chats.say(chats.direct(CAROL.id), CAROL.id, Text("?", answered))
    assert chats.ask.chat_show(elsewhere)["answers"] is None


def test_how_far_an_own_message_got_is_what_devices_said(chats: Chats) -> None:
    c = chats.direct(BOB.id)
    id = chats.sent(c, "hello", {BOB.id: 0})
    delivery = chats.ask.chat_show(id)["delivery"]
    assert delivery["state"] == "queued"
    assert "bob" in delivery["why"]
    chats.run("UPDATE chat_shares SET tries = 1")
    n = chats.row_of(id)
    chats.run("INSERT INTO chat_progress VALUES (?, 2, 0, 0)", n)
    assert chats.ask.chat_show(id)["delivery"]["state"] == "sent"
    chats.run("UPDATE chat_progress SET hubs = 1")
    assert chats.ask.chat_show(id)["delivery"]["state"] == "hub"
    chats.run("INSERT INTO chat_receipts VALUES (?, ?, ?, 0)", n, BOB.id, NOW_MS)
    shown = chats.ask.chat_show(id)
    assert (shown["delivery"]["state"], shown["delivery"]["why"]) == ("delivered", "")
    assert [(each["name"], each["state"]) for each in shown["devices"]] == [("bob", "delivered")]
    assert chats.ask.reached(shown, "hub")
    assert not chats.ask.reached(shown, "read")
    chats.run("UPDATE chat_receipts SET read_ms = ?", NOW_MS)
    assert chats.ask.chat_show(id)["delivery"]["state"] == "read"


def test_words_are_found_in_any_script_and_nothing_that_is_gone(chats: Chats) -> None:
    c, group = chats.direct(BOB.id), chats.group("Bakers", [chats.me, BOB.id])
    chats.say(c, BOB.id, Text("Der Bäcker kommt"))
    chats.say(group, CAROL.id, Text("хлеб и соль"), NOW_MS + 1)
    chats.say(group, BOB.id, Text("the BACKER paid"), NOW_MS + 2)
    vanished = chats.say(c, BOB.id, Text("backer of old"))
    chats.run("UPDATE chat_messages SET gone = 3, content = X'' WHERE n = ?", chats.row_of(vanished))
    hits = list(chats.ask.chat_search("backer"))
    assert texts(iter(hits)) == ["the BACKER paid", "Der Bäcker kommt"]
    assert texts(chats.ask.chat_search("ХЛЕБ", who="carol")) == ["хлеб и соль"]
    assert texts(chats.ask.chat_search("backer", chat="bob")) == ["Der Bäcker kommt"]
    assert texts(chats.ask.chat_search("backer", before=hits[0]["id"], limit=1)) == ["Der Bäcker kommt"]
    assert texts(chats.ask.chat_search("backer", since_ms=NOW_MS + 2)) == ["the BACKER paid"]
    with pytest.raises(BadData, match="nothing in"):
        list(chats.ask.chat_search("!"))


def test_groups_are_found_by_title_or_id_and_doubt_is_said(chats: Chats) -> None:
    chats.group("Bakers", [chats.me], State.LEFT, name=b"L" * 16)
    now = chats.group("Bakers", [chats.me, BOB.id], name=b"N" * 16)
    assert chats.ask.group("bakers").c == now
    assert chats.ask.group(to_text(b"L" * 16 + bytes(16))[:26]).state is State.LEFT
    chats.group("Bakers", [chats.me], name=b"O" * 16)
    with pytest.raises(Ambiguous, match="may be"):
        chats.ask.group("Bakers")
    assert {each["name"] for each in chats.ask.group_list()["groups"]} == {
        f"Bakers~{to_text(name * 16)[:4]}" for name in (b"L", b"N", b"O")
    }
    chats.group("bob", [chats.me])
    with pytest.raises(Ambiguous, match=r"member .* or a group"):
        chats.ask.target("bob")
    assert chats.ask.target("carol") == CAROL.id
    with pytest.raises(Missing, match="Nobody and no group"):
        chats.ask.target("zoe")


def test_members_of_a_group_are_shown_admins_first(chats: Chats) -> None:
    chats.group("Bakers", [DORA.id, BOB.id, chats.me])
    answer = chats.ask.group_members("Bakers")
    assert [(each["name"], each["admin"], each["self"]) for each in answer["people"]] == [
        (answer["people"][0]["name"], True, True),
        ("bob", False, False),
        ("dora", False, False),
    ]
    assert answer["members"] == 3


def test_the_number_says_whether_it_was_compared_and_whether_keys_changed_since(chats: Chats) -> None:
    answer = chats.ask.chat_verify("bob")
    assert len(answer["number"].replace(" ", "")) == 60
    assert (answer["verified"], answer["changed"]) == (False, False)
    chats.run("INSERT INTO chat_people VALUES (?, 1, ?, ?, X'')", BOB.id, BOB.id, BOB.id)
    assert chats.ask.chat_verify("bob")["verified"]
    chats.run("UPDATE chat_people SET verified = ?", CAROL.id)
    answer = chats.ask.chat_verify("bob")
    assert (answer["verified"], answer["changed"]) == (False, True)
    with pytest.raises(BadData, match="two people"):
        chats.ask.chat_verify(to_text(chats.me))


def test_what_follows_a_row_is_given_in_the_order_of_arrival(chats: Chats) -> None:
    c, request = chats.direct(BOB.id), chats.direct(EVE.id, State.REQUEST)
    assert chats.ask.last_row() == 0
    chats.say(c, BOB.id, Text("first"), NOW_MS + 9)
    last = chats.ask.last_row()
    chats.say(c, BOB.id, Text("second"))
    chats.say(c, chats.me, Text("mine"))
    chats.say(request, EVE.id, Text("strange"))
    assert texts(iter(chats.ask.messages_after(last))) == ["second", "mine"]
    assert texts(iter(chats.ask.messages_after(last, own=False))) == ["second"]
    assert texts(iter(chats.ask.messages_after(last, request))) == ["strange"]
    assert texts(iter(chats.ask.messages_after(0, limit=1))) == ["first"]
    chats.say(c, BOB.id, Text("imported"), s=None)
    assert "imported" not in texts(iter(chats.ask.messages_after(last)))


@pytest.mark.parametrize("notice", list(Notice))
@pytest.mark.parametrize("values", [[], [b"x" * 32, b"y" * 32], ["title", 5], [7], [None, b"short"]])
def test_a_notice_is_a_line_whatever_it_holds(chats: Chats, notice: Notice, values: list[object]) -> None:
    c = chats.group("Bakers", [chats.me])
    chats.say(c, BOB.id, Text(""), kind=notice, content=encode(values), entry=None)
    [shown] = chats.ask.chat_read("Bakers")
    assert (shown["kind"], shown["id"]) == ("notice", None)
    assert shown["text"].endswith((".", "”"))
    json.dumps(shown)
