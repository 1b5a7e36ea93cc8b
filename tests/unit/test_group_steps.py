"""Groups in the tables of those who belong to them: who is let in, who may tell what, and what was missed."""
# long because each rule of groups is tried by hand

import pytest

from node.apps.messenger import bodies, conversations, groups, operations, sealed, sending, standing, tellings
from node.apps.messenger.bodies import Text, Told
from node.apps.messenger.conversations import Conversation, Kind, Notice, State
from node.apps.messenger.desk import Desk
from node.apps.messenger.operations import MAX_OPERATIONS, Add, Change, Create, Promote, Remove, Rename
from node.errors import BadData, Missing, Refused
from node.testing.correspondence import Device, Post
from node.testing.people import NETWORK
from store.codec import decode
from store.ids import LOG_SEALED

HOUR_MS = 3_600_000


@pytest.fixture
def post() -> Post:
    return Post()


def people(post: Post, *names: str) -> list[Device]:
    found = [post.join(name) for name in names]
    post.meet()
    post.settle(HOUR_MS)
    return found


def group_of(desk: Desk) -> Conversation:
    [(name,)] = desk.views.execute("SELECT id FROM chat_conversations WHERE kind = ?", (Kind.GROUP,))
    found = conversations.find(desk.views, name)
    assert found is not None
    return found


def create(device: Device, *members: Device, title: str = "Kitchen") -> None:
    device.do(lambda desk: groups.create(desk, sending.say, title, [each.who for each in members]) and None)


def invite(device: Device, *members: Device, admin: bool = False) -> None:
    whom = [each.who for each in members]
    device.do(lambda desk: groups.invite(desk, sending.say, group_of(desk), whom, admin=admin))


def remove(device: Device, member: Device) -> None:
    device.do(lambda desk: groups.remove(desk, sending.say, group_of(desk), member.who))


def promote(device: Device, member: Device) -> None:
    device.do(lambda desk: groups.promote(desk, sending.say, group_of(desk), member.who))


def rename(device: Device, title: str) -> None:
    device.do(lambda desk: groups.rename(desk, sending.say, group_of(desk), title))


def say(device: Device, text: str) -> None:
    device.do(lambda desk: sending.send_text(desk, group_of(desk), Text(text)))


def members(device: Device) -> dict[bytes, bool]:
    return {who: bool(admin) for who, admin in device.rows("SELECT who, admin FROM chat_members")}


def named(*devices: Device, admins: tuple[Device, ...] = ()) -> dict[bytes, bool]:
    return {each.who: each in admins for each in devices}


def state(device: Device) -> tuple[str, State] | None:
    rows = device.rows("SELECT title, state FROM chat_conversations WHERE kind = ?", Kind.GROUP)
    return (rows[0][0], State(rows[0][1])) if rows else None


def notices(device: Device) -> list[tuple[Notice, object]]:
    rows = device.rows("SELECT kind, content FROM chat_messages WHERE kind >= 100 ORDER BY n")
    return [(Notice(kind), decode(content, 1_000, 100)) for kind, content in rows]


def craft(device: Device, change: Change, deps: list[bytes] | None = None, salt: bytes = bytes(8)) -> bytes:
    """An operation as nobody's program would make it."""
    found: list[bytes] = []

    def compose(desk: Desk) -> None:
        group = group_of(desk)
        stands_on = groups.heads(desk, group.id) if deps is None else deps
        found.append(operations.compose(group.id, device.who, device.device, stands_on, salt, change))

    device.do(compose)
    return found[0]


def tell(device: Device, group: bytes, teller: Device, ops: list[tuple[bytes, int]]) -> None:
    device.do(lambda desk: tellings.told(desk, group, teller.device, ops))


def shout(device: Device, payload: bodies.Payload) -> None:
    device.do(lambda desk: sending.say(desk, group_of(desk), payload))


# --- changes of a group -------------------------------------------------------------------------------


def test_a_group_is_there_for_all_who_are_named_and_tells_who_did_what(post: Post) -> None:
    ann, bob, carol, eve = people(post, "ann", "bob", "carol", "eve")
    create(ann, bob)
    post.settle(HOUR_MS)
    invite(ann, carol)
    promote(ann, bob)
    post.settle(HOUR_MS)
    rename(bob, "Garden")
    post.settle(HOUR_MS)
    for each in (ann, bob, carol):
        assert members(each) == named(ann, bob, carol, admins=(ann, bob))
        assert state(each) == ("Garden", State.OPEN)
    assert state(eve) is None
    assert notices(bob) == [
        (Notice.MADE, (ann.who,)),
        (Notice.ADDED, (carol.who, ann.who)),
        (Notice.PROMOTED, (bob.who, ann.who)),
        (Notice.RENAMED, ("Garden", bob.who)),
    ]


def test_who_is_removed_learns_it_and_reads_nothing_more(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob, carol)
    post.settle(HOUR_MS)
    say(carol, "here")
    remove(ann, carol)
    say(ann, "without")
    post.settle(HOUR_MS)
    assert state(carol) == ("Kitchen", State.LEFT)
    assert (Notice.REMOVED, (carol.who, ann.who)) in notices(carol)
    assert "without" in bob.texts()
    assert "without" not in carol.texts()
    with pytest.raises(Refused):
        say(carol, "again")
    invite(ann, carol)
    say(ann, "with")
    post.settle(HOUR_MS)
    assert state(carol) == ("Kitchen", State.OPEN)
    assert "with" in carol.texts()


def test_who_leaves_is_gone_for_all(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob, carol)
    post.settle(HOUR_MS)
    remove(bob, bob)
    post.settle(HOUR_MS)
    for each in (ann, bob, carol):
        assert members(each) == named(ann, carol, admins=(ann,))
    assert state(bob) == ("Kitchen", State.LEFT)
    assert notices(carol)[-1] == (Notice.LEFT, (bob.who,))


def test_what_only_an_admin_may_is_refused_with_a_reason_and_changes_nothing(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob)
    post.settle(HOUR_MS)
    with pytest.raises(Refused):
        invite(bob, carol)
    with pytest.raises(Refused):
        remove(bob, ann)
    with pytest.raises(Refused):
        promote(bob, bob)
    with pytest.raises(Refused):
        rename(bob, "Mine")
    with pytest.raises(Refused):
        invite(ann, bob)
    with pytest.raises(Missing):
        remove(ann, carol)
    with pytest.raises(Missing):
        promote(ann, carol)
    for title in ("", " x", "a\nb", "x" * 65):
        with pytest.raises(BadData):
            rename(ann, title)
    with pytest.raises(BadData):
        ann.do(
            lambda desk: (
                groups.create(desk, sending.say, "x", [bytes((n // 256, n % 256)) * 16 for n in range(1_000)])
                and None
            )
        )
    post.settle(HOUR_MS)
    assert members(bob) == members(ann) == named(ann, bob, admins=(ann,))


def test_a_group_of_more_than_one_operation_names_is_made_at_once(post: Post) -> None:
    ann, bob = people(post, "ann", "bob")
    others = [bytes((n // 256, n % 256)) * 16 for n in range(1, 700)]
    ann.do(lambda desk: groups.create(desk, sending.say, "Many", [bob.who, *others]) and None)
    post.settle(HOUR_MS)
    assert len(members(bob)) == 701
    assert members(bob) == members(ann)


def test_a_group_of_a_strangers_is_a_request(post: Post) -> None:
    ann, bob = people(post, "ann", "bob")
    bob.strangers = {ann.who}
    create(ann, bob)
    post.settle(HOUR_MS)
    assert state(bob) == ("Kitchen", State.REQUEST)
    for number in range(40):
        say(ann, f"please {number}")
    post.settle(HOUR_MS)
    assert 0 < len(bob.texts()) < 40


def test_who_has_left_still_owes_the_keys_to_what_he_said(post: Post) -> None:
    ann, bob = people(post, "ann", "bob")
    create(ann, bob)
    post.settle(HOUR_MS)
    late = post.join("ann-2", ann.who)
    post.carry(late, bob)
    say(bob, "before I go")
    remove(bob, bob)
    post.meet()
    post.settle(48 * HOUR_MS)
    assert members(bob) == named(ann, admins=(ann,))
    assert "before I go" in ann.texts()
    assert "before I go" in late.texts()


# --- at the same time ---------------------------------------------------------------------------------


def test_two_who_add_people_at_once_end_with_one_group(post: Post) -> None:
    ann, bob, carol, dora = people(post, "ann", "bob", "carol", "dora")
    create(ann, bob)
    promote(ann, bob)
    post.settle(HOUR_MS)
    invite(ann, carol)
    invite(bob, dora)
    post.settle(HOUR_MS)
    for each in (ann, bob, carol, dora):
        assert members(each) == named(ann, bob, carol, dora, admins=(ann, bob))
    say(carol, "from carol")
    say(dora, "from dora")
    post.settle(HOUR_MS)
    for each in (ann, bob, carol, dora):
        assert {"from carol", "from dora"} <= set(each.texts())


def test_who_comes_while_another_leaves_hears_of_it(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob)
    post.settle(HOUR_MS)
    invite(ann, carol)
    remove(bob, bob)
    post.settle(HOUR_MS)
    assert members(carol) == members(ann) == named(ann, carol, admins=(ann,))


def test_two_who_remove_each_other_are_both_gone_for_all(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob, carol)
    promote(ann, bob)
    post.settle(HOUR_MS)
    remove(ann, bob)
    remove(bob, ann)
    post.settle(HOUR_MS)
    for each in (ann, bob, carol):
        assert members(each) == named(carol, admins=(carol,))


def test_operations_whose_entry_was_lost_are_asked_for_and_told(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob, carol)
    promote(ann, bob)
    post.settle(HOUR_MS)
    rename(ann, "Lost")
    at = ann.keys[ann.device, LOG_SEALED][-1] - 1
    ann.entries_held[at] = ann.entries_held[at].without_body()
    say(ann, "on top of it")
    post.exchange()
    for each in (bob, carol):
        assert state(each) == ("Kitchen", State.OPEN)
        assert each.texts() == []
    post.settle(HOUR_MS)
    for each in (bob, carol):
        assert state(each) == ("Lost", State.OPEN)
        assert each.texts() == ["on top of it"]


def test_a_device_that_comes_later_learns_the_groups_of_its_owner(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob, carol)
    rename(ann, "Later")
    post.settle(HOUR_MS)
    second = post.join("bob-2", bob.who)
    post.meet()
    post.settle(HOUR_MS)
    assert state(second) is None
    say(carol, "who is here?")
    post.settle(HOUR_MS)
    assert state(second) == ("Later", State.OPEN)
    assert members(second) == members(ann)
    assert second.texts() == ["who is here?"]
    say(second, "me too")
    post.settle(HOUR_MS)
    assert "me too" in ann.texts()
    assert "me too" in bob.texts()


def test_a_device_that_is_alone_now_learns_groups_from_an_admin(post: Post) -> None:
    ann, bob = people(post, "ann", "bob")
    create(ann, bob)
    post.settle(HOUR_MS)
    second = post.join("bob-2", bob.who)
    second.revoked = {bob.device}
    post.meet()
    for _ in range(3):
        post.settle(HOUR_MS)
    say(ann, "welcome back")
    post.settle(24 * HOUR_MS)
    assert state(second) == ("Kitchen", State.OPEN)
    assert second.texts() == ["welcome back"]


# --- forged and flooded -------------------------------------------------------------------------------


def test_a_member_without_rights_tells_nothing(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob, carol)
    post.settle(HOUR_MS)
    forged = craft(ann, Promote(bob.who))
    shout(bob, Told(((forged, 3),)))
    shout(bob, bodies.Change((forged,)))
    shout(bob, bodies.Change((craft(bob, Promote(bob.who)),)))
    post.settle(HOUR_MS)
    for each in (ann, carol):
        assert members(each) == named(ann, bob, carol, admins=(ann,))
        assert [count for (count,) in each.rows("SELECT count(*) FROM chat_operations")] == [1]


def test_who_was_removed_tells_himself_in_for_nobody(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob, carol)
    promote(ann, bob)
    post.settle(HOUR_MS)
    back = craft(ann, Add((bob.who,), True))
    dated_back = craft(bob, Remove(carol.who, ()))
    remove(ann, bob)
    post.settle(HOUR_MS)
    bob.change("UPDATE chat_conversations SET state = ?", State.OPEN)
    bob.change("INSERT INTO chat_members SELECT c, ?, 1 FROM chat_conversations", bob.who)
    shout(bob, Told(((back, 3), (dated_back, 2))))
    shout(bob, bodies.Change((dated_back,)))
    say(bob, "I am still here")
    post.settle(HOUR_MS)
    for each in (ann, carol):
        assert members(each) == named(ann, carol, admins=(ann,))
        assert "I am still here" not in each.texts()
    rename(ann, "Later")
    say(carol, "we go on")
    post.settle(HOUR_MS)
    assert state(carol) == ("Later", State.OPEN)
    assert "we go on" in ann.texts()


def test_nobody_is_let_in_by_who_does_not_lead_the_group(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob)
    post.settle(HOUR_MS)
    forged = craft(ann, Add((carol.who,), False))
    [(first, seq, name)] = bob.rows("SELECT bytes, seq, conversation FROM chat_operations")
    tell(carol, name, bob, [(first, seq), (forged, 9)])
    assert state(carol) is None
    tell(carol, name, ann, [(first, seq), (forged, 9)])
    assert state(carol) == ("Kitchen", State.OPEN)


def test_a_welcome_in_parts_lets_in_with_the_last_of_them(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob)
    rename(ann, "Later")
    add = craft(ann, Add((carol.who,), False))
    rows = ann.rows("SELECT bytes, seq, conversation FROM chat_operations")
    name = rows[0][2]
    carol.do(lambda desk: tellings.ops_arrived(desk, name, ann.device, 9, [add]))
    for data, seq, _ in rows:
        assert state(carol) is None
        tell(carol, name, ann, [(data, seq)])
    assert state(carol) == ("Later", State.OPEN)
    assert carol.rows("SELECT * FROM chat_told") == []


def test_operations_that_wait_for_others_have_little_room(post: Post) -> None:
    ann, bob = people(post, "ann", "bob")
    create(ann, bob)
    post.settle(HOUR_MS)
    flood = [
        craft(bob, Rename("x"), [bytes(16)], n.to_bytes(8, "big")) for n in range(tellings.MAX_WAITING + 20)
    ]

    def arrive(desk: Desk) -> None:
        for at in range(0, len(flood), 10):
            tellings.ops_arrived(desk, group_of(desk).id, bob.device, 9, flood[at : at + 10])

    ann.do(arrive)
    [(count,)] = ann.rows("SELECT count(*) FROM chat_operations")
    assert count <= tellings.MAX_WAITING + 1 + 10
    rename(ann, "Later")
    assert state(ann) == ("Later", State.OPEN)


def test_messages_that_wait_for_operations_have_a_bound(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "MAX_HELD_BACK", 5)
    ann, bob = people(post, "ann", "bob")
    create(ann, bob)
    post.settle(HOUR_MS)
    heads = groups.heads

    def unknown(desk: Desk, conversation: bytes) -> tuple[bytes, ...]:
        return (bytes(16),)

    monkeypatch.setattr(groups, "heads", unknown)
    for number in range(9):
        say(bob, f"on nothing {number}")
    monkeypatch.setattr(groups, "heads", heads)
    say(bob, "on what is there")
    post.exchange()
    assert [count for (count,) in ann.rows("SELECT count(*) FROM chat_headless")] == [5]
    assert ann.texts() == ["on what is there"]


def test_what_a_stranger_tells_of_groups_has_a_bound(post: Post) -> None:
    ann, eve = people(post, "ann", "eve")
    create(eve)
    name = eve.rows("SELECT conversation FROM chat_operations")[0][0]
    flood = [
        (craft(eve, Rename("x"), [bytes(16)], n.to_bytes(8, "big")), 1)
        for n in range(tellings.MAX_PENDING + 20)
    ]
    tell(ann, name, eve, flood)
    assert [count for (count,) in ann.rows("SELECT count(*) FROM chat_told")] == [tellings.MAX_PENDING]
    assert ann.rows("SELECT * FROM chat_operations") == []


def test_a_group_that_was_changed_too_often_can_still_be_left(post: Post) -> None:
    ann, bob = people(post, "ann", "bob")
    create(ann, bob)
    post.settle(HOUR_MS)

    def crowd(desk: Desk) -> None:
        group = group_of(desk)
        first = groups.heads(desk, group.id)
        for n in range(MAX_OPERATIONS):
            data = operations.compose(
                group.id, ann.who, ann.device, first, n.to_bytes(8, "big"), Rename(f"name {n}")
            )
            op = operations.op_id(NETWORK, data)
            if n < MAX_OPERATIONS - groups.SPARE_OPERATIONS:
                standing.keep(desk, group.id, op, data, ann.device, 2)
        standing.changed(desk, group.id)

    ann.do(crowd)
    with pytest.raises(Refused):
        rename(ann, "Once more")
    remove(ann, bob)
    assert members(ann) == named(ann, admins=(ann,))


def test_operations_in_the_name_of_somebody_else_count_for_nothing(post: Post) -> None:
    ann, bob, carol = people(post, "ann", "bob", "carol")
    create(ann, bob)
    post.settle(HOUR_MS)

    def forge(desk: Desk) -> None:
        group = group_of(desk)
        stands_on = groups.heads(desk, group.id)
        for who, device in ((ann.who, bob.device), (ann.who, ann.device), (bob.who, ann.device)):
            data = operations.compose(group.id, who, device, stands_on, bytes(8), Promote(bob.who))
            tellings.ops_arrived(desk, group.id, bob.device, 9, [data, b"", b"\xff" * 40])
        tellings.ops_arrived(desk, bytes(16), bob.device, 9, [b"noise"])
        other = operations.compose(
            b"", carol.who, carol.device, (), bytes(8), Create("x", ((carol.who, True),))
        )
        tellings.ops_arrived(desk, group.id, carol.device, 9, [other])

    ann.do(forge)
    assert members(ann) == named(ann, bob, admins=(ann,))
    assert len(ann.rows("SELECT * FROM chat_operations")) == 1
