"""The drill: what is whole is rebuilt equal, and whatever is missing or broken is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.affairs.interest import OWN, SETTING, Choice
from node.apps.messenger.bodies import box_of
from node.drill import rebuilding as drilling
from node.drill.rebuilding import Out, drill
from node.drill.replay import Replay
from node.errors import BadRequest, DamagedHome, DiskFull, NoPassphrase
from node.founding import now_ms
from node.home import Home, open_home
from node.paths import Paths
from node.testing.homes import befriend, temporary_home
from node.testing.people import Person, chain_after, spoiled
from node.testing.table import full_disk
from store.entry import Entry
from store.ids import LOG_BOX_0, LOG_DELETIONS, LOG_DOCS, LOG_KEYS, EntryId, LogNo, log_number, short, to_text
from store.log import LogId, bad_proof, fork_proof
from store.sqlite.bodies_gone import DELETED, LET_GO, Drop
from store.sqlite.connection import PAGE_BYTES
from store.sqlite.home import Peer

LOG_PROFILE = log_number("profile")


def nobody() -> str | None:
    return None


def run(home: Home, out: Path | None = None) -> dict[str, Any]:
    return drill(home.paths, nobody, None if out is None else Out(out, None), lambda stage, done, total: None)


def keep(home: Home, *runs: list[Entry] | tuple[Entry, ...], checked: bool = True) -> None:
    home.shelf.append(runs, checked=checked, durable=False)


def differing(found: dict[str, Any]) -> list[str]:
    return [each["what"] for each in found["digests"] if not each["equal"]]


def of(person: Person, log: str = "feed") -> dict[str, object]:
    return {"author": to_text(person.id), "name": person.name, "log": log}


def profile(person: Person) -> Entry:
    return person.write([64, person.name], LOG_PROFILE)


@pytest.fixture
def bob() -> Person:
    return Person("bob")


@pytest.fixture
def home(bob: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home that is open for writing, as under a daemon, with posts, answers, documents and names."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    alice = Person("alice")
    with temporary_home("host", [alice, bob]) as opened:
        posts = alice.posts(1_500)
        answers = [bob.post("yes", [posts[7].id], time_ms=1), bob.post("no", [posts[1_400].id])]
        first = bob.write([33, "programme.md", "Programme", "text/markdown", "# One\n"], LOG_DOCS)
        keep(opened, posts[:20], answers[:1])
        keep(opened, [profile(alice)], posts[20:], answers[1:], [first])
        yield opened


def test_what_is_whole_is_rebuilt_equal_and_leaves_nothing_behind(home: Home, tmp_path: Path) -> None:
    found = run(home)
    assert (found["ok"], found["equal"], differing(found)) == (True, True, [])
    assert (found["entries"], found["bodies"], found["logs"]) == (1_505, 1_505, 5)
    assert {each["what"] for each in found["digests"]} >= {"logs", "feed view", "search index"}
    assert (found["lost"]["bodies"]["count"], found["named"]["count"], found["out"]) == (0, 0, None)
    assert list((tmp_path / "tmp").glob("asterism-drill-*")) == []


def test_progress_is_told_from_the_first_to_the_last_entry(home: Home) -> None:
    told: list[tuple[str, int, int]] = []
    drill(home.paths, nobody, None, lambda *news: told.append(news))
    rebuilding = [(done, total) for stage, done, total in told if stage == drilling.REBUILDING]
    assert rebuilding == sorted(rebuilding)
    assert rebuilding[-1] == (1_505, 1_505)


def test_two_homes_with_the_same_entries_in_another_order_have_the_same_digests(home: Home) -> None:
    with temporary_home("guest") as other:
        for log_id, state in sorted(home.entries.logs().items(), reverse=True):
            if log_id.author != home.device and state.head is not None:
                keep(other, home.entries.range(log_id, 1, state.head.seq, 2**30))
        own = LogId(home.device, LOG_PROFILE)
        keep(other, home.entries.range(own, 1, 1, 2**20))
        mine = LogId(other.device, LOG_PROFILE)
        keep(home, other.entries.range(mine, 1, 1, 2**20))
        assert run(home)["digests"] == run(other)["digests"]


def test_a_missing_body_is_lost_and_it_is_said_whose(home: Home, bob: Person) -> None:
    [entry] = home.entries.range(bob.log_id(), 2, 2, 2**20)
    home.shelf.drop_body(entry.id)
    found = run(home)
    assert (found["ok"], found["equal"]) == (False, True)
    assert found["lost"]["bodies"] == {"count": 1, "listed": [{**of(bob), "count": 1}]}
    assert found["bodies"] == found["entries"] - 1


def flip(home: Home, entry: Entry, column: str, byte: int) -> None:
    key = home.entries.key_of(entry.id)
    with home.database.write() as connection:
        [(value,)] = connection.execute(f"SELECT {column} FROM entries WHERE k = ?", (key,)).fetchall()
        broken = value[:byte] + bytes([value[byte] ^ 1]) + value[byte + 1 :]
        connection.execute(f"UPDATE entries SET {column} = ? WHERE k = ?", (broken, key)).fetchall()


def test_a_damaged_body_is_lost_and_its_view_differs(home: Home, bob: Person) -> None:
    [entry] = home.entries.range(bob.log_id(LOG_DOCS), 1, 1, 2**20)
    home.search().catch_up()
    flip(home, entry, "body", 20)
    found = run(home)
    assert (found["ok"], differing(found)) == (False, ["documents view", "search index"])
    assert found["lost"]["bodies"]["listed"] == [{**of(bob, "docs"), "count": 1}]


@pytest.mark.parametrize("byte", [0, 5, 60, 150, -3])
def test_behind_a_damaged_header_a_log_is_lost(home: Home, byte: int) -> None:
    alice = Person("alice")
    [entry] = home.entries.range(alice.log_id(), 1_100, 1_100, 2**20)
    flip(home, entry, "head", byte)
    found = run(home)
    assert (found["ok"], found["equal"]) == (False, False)
    [lost] = found["lost"]["entries"]["listed"]
    assert {**of(alice), "last": 1_500} == {
        name: value for name, value in lost.items() if name not in ("first", "why")
    }
    assert lost["first"] in (1_100, 1_101)
    assert lost["why"]


def test_an_entry_that_is_gone_is_named(home: Home) -> None:
    alice = Person("alice")
    [entry] = home.entries.range(alice.log_id(), 30, 30, 2**20)
    key = home.entries.key_of(entry.id)
    with home.database.write() as connection:
        connection.execute("DELETE FROM entries WHERE k = ?", (key,)).fetchall()
    [lost] = run(home)["lost"]["entries"]["listed"]
    assert (lost["name"], lost["first"], lost["last"]) == ("alice", 30, 1_500)


def test_a_signature_that_was_never_checked_is_checked_now(home: Home) -> None:
    carol = Person("carol")
    befriend(home, [carol])
    posts = carol.posts(3)
    bad = spoiled(posts[2])
    keep(home, [*posts[:2], bad, *chain_after(carol, bad, ["on", "and on"])], checked=False)
    found = run(home)
    assert differing(found) == ["logs", "feed view", "search index"]
    [lost] = found["lost"]["entries"]["listed"]
    assert (lost["name"], lost["first"], lost["last"]) == ("carol", 3, 5)
    assert "contradicted" in lost["why"]


def test_a_log_with_a_badly_signed_end_is_rebuilt_up_to_it(home: Home) -> None:
    carol = Person("carol")
    posts = carol.posts(3)
    keep(home, [*posts[:2], spoiled(posts[2])])
    [lost] = run(home)["lost"]["entries"]["listed"]
    assert (lost["first"], lost["last"], lost["why"]) == (3, 3, "the signature does not fit")


def test_a_log_that_its_author_ended_is_told_and_is_no_loss(home: Home, bob: Person) -> None:
    before, entry = home.entries.range(bob.log_id(), 1, 2, 2**20)
    fork = bob.sign_at(2, before.id, [1, "something else", ""])
    home.shelf.end_log(fork_proof(entry, fork, home.network))
    found = run(home)
    assert found["ok"]
    assert found["ended"] == {"count": 1, "listed": [{**of(bob), "seq": 2, "kind": "fork"}]}


def test_entries_before_a_known_contradiction_are_lost_where_they_are_not_here(home: Home) -> None:
    carol = Person("carol")
    posts = carol.posts(5)
    bad = spoiled(posts[4])
    keep(home, posts[:2])
    home.shelf.end_log(bad_proof([bad, *chain_after(carol, bad, ["on"])], home.network))
    found = run(home)
    assert (found["ok"], found["equal"]) == (False, True)
    [lost] = found["lost"]["entries"]["listed"]
    assert (lost["name"], lost["first"], lost["last"]) == (short(carol.id), 3, 4)
    assert found["ended"]["listed"][0]["kind"] == "bad signature"


def test_entries_that_others_link_to_are_named_and_prove_nothing(home: Home, bob: Person) -> None:
    gone = [EntryId(bytes([number]) * 32) for number in (1, 2)]
    [last] = home.entries.range(bob.log_id(), 2, 2, 2**20)
    keep(home, [bob.sign_at(3, last.id, [1, "to nobody", ""], links=gone)])
    found = run(home)
    assert found["ok"]
    assert found["named"]["listed"] == [{**of(bob), "what": "entry", "id": to_text(each)} for each in gone]


def test_a_view_that_is_not_what_its_entries_say_differs(home: Home) -> None:
    with home.database.write() as connection:
        connection.execute("DELETE FROM feed_links").fetchall()
    found = run(home)
    assert (found["ok"], differing(found)) == (False, ["feed view"])
    assert found["lost"]["entries"]["count"] == 0


def test_an_index_that_lacks_something_differs(home: Home) -> None:
    home.search().catch_up()
    with home.search()._database.write() as connection:
        connection.execute("DELETE FROM words WHERE rowid = (SELECT max(rowid) FROM words)").fetchall()
    assert differing(run(home)) == ["search index"]


def test_the_folder_that_is_left_is_a_home_from_which_all_can_be_rebuilt_again(
    home: Home, tmp_path: Path
) -> None:
    home.tables.put_peer(Peer(Person("dave").id, "dave", ("/ip4/127.0.0.1/tcp/4711",), "a note", now_ms()))
    first = run(home, tmp_path / "out")
    assert (first["ok"], first["out"]) == (True, str(tmp_path / "out"))
    with open_home(Paths(tmp_path / "out"), nobody, writing=True) as left:
        assert left.device != home.device
        assert left.tables.peers() == home.tables.peers()
        assert left.entries.logs() == home.entries.logs()
        assert left.why_not == ""
        again = run(left)
    assert {**again, "out": first["out"]} == first


def test_a_folder_can_be_locked_by_a_passphrase(home: Home, tmp_path: Path) -> None:
    drill(home.paths, nobody, Out(tmp_path / "out", "correct horse"), lambda stage, done, total: None)
    with pytest.raises(NoPassphrase):
        open_home(Paths(tmp_path / "out"), nobody, writing=False)
    with open_home(Paths(tmp_path / "out"), lambda: "correct horse", writing=False) as left:
        assert left.entries.count() == 1_505


def test_a_folder_that_exists_is_not_touched(home: Home, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("all of it")
    with pytest.raises(BadRequest):
        run(home, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_folder_on_a_full_disk_is_not_left_half_made(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = drilling._rebuild

    def rebuild(*given: Any) -> Any:
        with full_disk(given[2]):
            return whole(*given)

    monkeypatch.setattr(drilling, "_rebuild", rebuild)
    with pytest.raises(DiskFull):
        run(home, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_comes_meanwhile_is_left_out(home: Home, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(home)
    whole = Replay.run

    async def replay(self: Replay) -> None:
        [last] = home.entries.range(bob.log_id(), 2, 2, 2**20)
        keep(home, [bob.sign_at(3, last.id, [1, "in the middle of it", ""])])
        await whole(self)

    monkeypatch.setattr(Replay, "run", replay)
    assert run(home) == before
    monkeypatch.undo()
    assert run(home)["entries"] == before["entries"] + 1


def test_a_file_that_is_damaged_in_many_places_is_told_so(home: Home, tmp_path: Path) -> None:
    run(home, tmp_path / "out")
    file = Paths(tmp_path / "out").log_db
    data = bytearray(file.read_bytes())
    pages = len(data) // PAGE_BYTES
    told = set()
    for page in range(1, pages, 23):
        broken = data.copy()
        broken[page * PAGE_BYTES + 100] ^= 1
        file.write_bytes(broken)
        try:
            found = drill(Paths(tmp_path / "out"), nobody, None, lambda stage, done, total: None)
        except DamagedHome:
            told.add("cannot be opened or read")
        else:
            told.add("whole" if found["ok"] else "named")
    assert "named" in told


def test_what_was_deleted_is_no_loss_and_what_was_let_go_is(home: Home, bob: Person) -> None:
    slip, old = bob.post("a slip"), bob.post("let go")
    deletion = bob.write([96, ""], LOG_DELETIONS, [slip.id])
    keep(home, [slip, old], [deletion])
    keys = {entry.id: home.entries.key_of(entry.id) for entry in (slip, old, deletion)}
    home.shelf.drop_bodies([Drop(keys[slip.id], DELETED, keys[deletion.id])])
    found = run(home)
    assert (found["ok"], found["equal"], found["deleted"], found["bodies"]) == (True, True, 1, 1_507)
    home.shelf.drop_bodies([Drop(keys[old.id], LET_GO, None)])
    found = run(home)
    assert (found["ok"], found["deleted"], found["bodies"]) == (False, 1, 1_506)
    assert found["lost"]["bodies"] == {"count": 1, "listed": [of(bob) | {"count": 1}]}


def test_messages_and_keys_whose_time_is_over_are_no_loss(home: Home, bob: Person) -> None:
    now, month = now_ms(), 31 * 86_400_000
    old, young = (bob.write([114, b"packet"], LOG_BOX_0, time_ms=at) for at in (now - month, now))
    replaced, current = (bob.write([112, bytes(each)], LOG_KEYS, time_ms=now) for each in (1, 2))
    keep(home, [old.without_body(), young], [replaced.without_body(), current])
    found = run(home)
    assert (found["ok"], found["expired"], found["bodies"]) == (True, 2, 1_507)
    home.shelf.drop_bodies([Drop(home.entries.key_of(young.id), LET_GO, None)])
    found = run(home)
    assert (found["ok"], found["expired"]) == (False, 2)
    assert found["lost"]["bodies"] == {"count": 1, "listed": [of(bob, "box-0") | {"count": 1}]}


def test_what_was_not_to_be_carried_is_no_loss(home: Home, bob: Person) -> None:
    own = box_of(home.device)
    other = LogNo(LOG_BOX_0 + (own - LOG_BOX_0 + 1) % 16)
    packets = [bob.write([114, b"packet"], box, time_ms=now_ms()) for box in (own, other)]
    keep(home, [packets[0]], [packets[1].without_body()])
    before = run(home)
    assert (before["ok"], before["unwanted"], before["bodies"]) == (False, 0, 1_506)
    home.tables.set({SETTING: Choice(boxes=OWN).encode()})
    found = run(home)
    assert (found["ok"], found["unwanted"], found["bodies"]) == (True, 1, 1_506)
    assert found["lost"]["bodies"]["count"] == 0
