"""Bodies, packets, messages and operations of `docs/protocol/secrecy.md`: what is read, and what is not.

What is read is given as a list: bytes as hex, a named value as the list of its parts.
"""

from collections.abc import Callable, Sequence
from typing import Any

from node.apps.messenger import bodies, conversations, operations
from node.apps.messenger.membership import Membership, Placed
from node.apps.messenger.operations import Add, Change, Create, Promote, Remove, Rename
from node.testing.people import NETWORK
from store.codec import encode
from store.entry import make_body
from store.ids import AuthorId, LogNo

SALT = bytes(range(16))
ID = bytes(range(32))
TAG = bytes(range(8))
GROUP = bytes(range(16))
ALICE, BOB, CAROL = (AuthorId(name * 32) for name in (b"a", b"b", b"c"))
FILE = [ID, 4_096, b"k" * 32, "Plan.pdf", "application/pdf", 4_000]

Case = dict[str, Any]


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value


READERS: dict[str, Callable[[bytes], object]] = {
    "body": bodies.parse,
    "envelope": bodies.read_olm,
    "packet": bodies.read_items,
    "message": bodies.read_message,
    "operation": lambda data: operations.parse(NETWORK, data),
}

GOOD: dict[str, dict[str, list[Any]]] = {
    "body": {
        "the keys of a device": [112, b"i" * 32, b"f" * 32, b"e" * 1_216],
        "keys with what a later version appends": [112, b"i" * 32, b"f" * 32, b"e" * 1_216, "later"],
        "a message": [113, TAG, b"megolm"],
        "a message with blobs": [113, TAG, b"megolm", [[ID, 4_096], [ID[::-1], 0]]],
        "a message with what a later version appends": [113, TAG, b"megolm", [], 7],
        "a packet": [114, b"sealed"],
    },
    "envelope": {
        "an Olm message that begins a session": [1, 0, b"olm"],
        "an Olm message that continues one, and what a later version appends": [1, 1, b"olm", 5],
    },
    "packet": {
        "one item of each number": [
            1,
            ALICE,
            BOB,
            [
                [1, GROUP, b"k" * 229],
                [2, [TAG, TAG[::-1]]],
                [3, [[TAG, 0], [TAG, 2**32 - 1]]],
                [4, [[TAG, 7]]],
                [5, []],
                [6, [["read", GROUP, 1_763_000_000_000], ["accepted", GROUP, BOB]]],
                [7, ID, 4_096, b"k" * 32],
                [8, GROUP],
            ],
        ],
        "items that are not understood are left out": [
            1,
            ALICE,
            BOB,
            [[9, 1], [3, [[TAG, -1]]], [8, GROUP], 3],
        ],
        "no items": [1, ALICE, BOB, []],
    },
    "message": {
        "a text": [1, GROUP, [], 1, "Привет", b"", 0, []],
        "an answer that disappears, with a file": [1, GROUP, [], 1, "x", ID, 86_400, [FILE]],
        "a text in a group": [1, GROUP, [GROUP, GROUP[::-1]], 1, "x", b"", 0, [], "later"],
        "operations": [1, GROUP, [GROUP], 2, [b"op", b"other"]],
        "everything that was done": [1, GROUP, [], 3, [[b"op", 3], [b"other", 0]]],
        "taken back": [1, GROUP, [], 4, [ID]],
    },
    "operation": {
        "create": [1, b"", ALICE, BOB, [], bytes(8), 1, "Küche", [[ALICE, True], [CAROL, False]]],
        "add": [1, GROUP, ALICE, BOB, [GROUP], bytes(8), 2, [CAROL], True],
        "remove": [1, GROUP, ALICE, BOB, [GROUP, GROUP[::-1]], TAG, 3, CAROL, [[CAROL, 7], [BOB, 0]]],
        "promote": [1, GROUP, ALICE, BOB, [GROUP], bytes(8), 4, CAROL],
        "rename": [1, GROUP, ALICE, BOB, [GROUP], bytes(8), 5, "x" * 64],
    },
}

HEAD = [1, GROUP, ALICE, BOB, [GROUP], bytes(8)]
BAD: dict[str, dict[str, Any]] = {
    "body": {
        "a short HPKE key": [112, b"i" * 32, b"f" * 32, b"e" * 1_215],
        "a short identity": [112, b"i" * 31, b"f" * 32, b"e" * 1_216],
        "a short tag": [113, TAG[1:], b"m"],
        "a message as text": [113, TAG, "m"],
        "a blob of negative size": [113, TAG, b"m", [[ID, -1]]],
        "a blob whose size is a truth value": [113, TAG, b"m", [[ID, True]]],
        "17 blobs": [113, TAG, b"m", [[ID, 1]] * 17],
        "a packet of nothing": [114],
        "another number": [115, b"x"],
    },
    "envelope": {
        "another version": [2, 0, b"m"],
        "a truth value as version": [True, 0, b"m"],
        "type 2": [1, 2, b"m"],
        "a truth value as type": [1, False, b"m"],
        "a message as text": [1, 0, "m"],
        "no list": 1,
    },
    "packet": {
        "another version": [2, ALICE, BOB, []],
        "a short sender": [1, ALICE[1:], BOB, []],
        "65 items": [1, ALICE, BOB, [[8, GROUP]] * 65],
        "items missing": [1, ALICE, BOB],
    },
    "message": {
        "another version": [2, GROUP, [], 4, []],
        "a binding of 32 bytes": [1, ID, [], 4, []],
        "17 heads": [1, GROUP, [GROUP] * 17, 4, []],
        "a head of 32 bytes": [1, GROUP, [ID], 4, []],
        "a text as bytes": [1, GROUP, [], 1, b"x", b"", 0, []],
        "an answer to 8 bytes": [1, GROUP, [], 1, "x", TAG, 0, []],
        "to disappear before it came": [1, GROUP, [], 1, "x", b"", -1, []],
        "to disappear after more than 366 days": [1, GROUP, [], 1, "x", b"", 366 * 86_400 + 1, []],
        "a file larger than its blob": [1, GROUP, [], 1, "x", b"", 0, [[*FILE[:5], 4_097]]],
        "17 files": [1, GROUP, [], 1, "x", b"", 0, [FILE] * 17],
        "an operation at a negative place": [1, GROUP, [], 3, [[b"op", -1]]],
        "65 messages taken back": [1, GROUP, [], 4, [ID] * 65],
        "another kind": [1, GROUP, [], 5],
    },
    "operation": {
        "another version": [2, *HEAD[1:], 4, BOB],
        "a group of 15 bytes": [1, GROUP[1:], *HEAD[2:], 4, BOB],
        "no group": [1, b"", *HEAD[2:], 4, BOB],
        "a create with a group": [*HEAD, 1, "name", [[ALICE, True]]],
        "a create that stands on something": [1, b"", ALICE, BOB, [GROUP], bytes(8), 1, "n", [[ALICE, True]]],
        "a change that stands on nothing": [1, GROUP, ALICE, BOB, [], bytes(8), 4, BOB],
        "the same dep twice": [1, GROUP, ALICE, BOB, [GROUP, GROUP], bytes(8), 4, BOB],
        "17 deps": [1, GROUP, ALICE, BOB, [bytes((n,)) * 16 for n in range(17)], bytes(8), 4, BOB],
        "a salt of 7 bytes": [1, GROUP, ALICE, BOB, [GROUP], bytes(7), 4, BOB],
        "nobody is added": [*HEAD, 2, [], True],
        "a number as truth value": [*HEAD, 2, [BOB], 1],
        "65 devices": [*HEAD, 3, BOB, [[bytes((n,)) * 32, 1] for n in range(65)]],
        "a negative place": [*HEAD, 3, BOB, [[BOB, -1]]],
        "something behind": [*HEAD, 4, BOB, 1],
        "a name of 65 characters": [*HEAD, 5, "x" * 65],
        "a name that begins with a space": [*HEAD, 5, " x"],
        "a name of two lines": [*HEAD, 5, "x\ny"],
        "another kind": [*HEAD, 6],
    },
}


def coded(what: str, value: Any) -> bytes:
    """The bytes of a value."""
    return make_body(SALT, value) if what == "body" else encode(value)


# --- digests ------------------------------------------------------------------------------------------


def derived() -> list[Case]:
    """Ids and what things are bound to, in the network of the vectors."""
    low, high = sorted((ALICE, BOB))
    return [
        {
            "what": "binding",
            "name": "a message of Bob's in a conversation",
            "conversation": GROUP.hex(),
            "device": BOB.hex(),
            "found": bodies.binding(NETWORK, GROUP, BOB).hex(),
        },
        {
            "what": "info",
            "name": "a packet of Alice's in log 17",
            "device": ALICE.hex(),
            "log": 17,
            "found": bodies.packet_info(NETWORK, ALICE, LogNo(17)).hex(),
        },
        *(
            {
                "what": "box",
                "name": f"the box of {name}",
                "device": who.hex(),
                "found": int(bodies.box_of(who)),
            }
            for name, who in (("Alice", ALICE), ("Bob", BOB), ("Carol", CAROL))
        ),
        {
            "what": "direct",
            "name": "the conversation of Alice and Bob",
            "people": [high.hex(), low.hex()],
            "found": conversations.direct_id(NETWORK, ALICE, BOB).hex(),
        },
    ]


# --- groups -------------------------------------------------------------------------------------------


class Story:
    """A group told by hand: each person has one device of the same 32 bytes."""

    def __init__(self, name: str, admins: Sequence[bytes], others: Sequence[bytes] = ()) -> None:
        self.name = name
        self.data: list[tuple[bytes, int]] = []
        self.group = b""
        members = [*((who, True) for who in admins), *((who, False) for who in others)]
        self.root = self.op(admins[0], Create("Kitchen", tuple(members)), [], 1)
        self.group = operations.group_id(self.data[0][0])

    def op(self, who: bytes, change: Change, deps: Sequence[bytes], seq: int) -> bytes:
        """One more operation; its id."""
        salt = len(self.data).to_bytes(8, "big")
        data = operations.compose(self.group, who, AuthorId(who), sorted(deps), salt, change)
        self.data.append((data, seq))
        return operations.op_id(NETWORK, data)

    def case(self) -> Case:
        """The operations with their places, and what the group is by them."""
        placed = []
        for data, seq in self.data:
            operation = operations.parse(NETWORK, data)
            assert operation is not None
            placed.append(Placed(operation, seq))
        fold = Membership(self.group, placed)
        counted = [
            each.operation.id.hex()
            for each, is_counted in zip(fold.operations, fold.counted, strict=True)
            if is_counted
        ]
        return {
            "what": "group",
            "name": self.name,
            "group": self.group.hex(),
            "operations": [[data.hex(), seq] for data, seq in self.data],
            "title": fold.title,
            "members": [[who.hex(), is_admin] for who, is_admin in sorted(fold.members.items())],
            "heads": [head.hex() for head in fold.heads],
            "counted": sorted(counted),
            "refused": sorted(op.hex() for op in fold.refused),
            "lacking": sorted(op.hex() for op in fold.lacking),
        }


DORA, EVE = b"d" * 32, b"e" * 32


def groups() -> list[Case]:
    """Groups with everything that can be disputed."""
    # long because it is a list
    stories = [plain_story := Story("one after the other", [ALICE], [BOB])]
    up = plain_story.op(ALICE, Promote(BOB), [plain_story.root], 2)
    in_ = plain_story.op(BOB, Add((CAROL, DORA), False), [up], 2)
    plain_story.op(BOB, Rename("Garden"), [in_], 3)

    stories.append(story := Story("removal wins over an add that does not know it", [ALICE, BOB], [CAROL]))
    story.op(ALICE, Remove(CAROL, ((CAROL, 3),)), [story.root], 2)
    story.op(BOB, Add((CAROL,), False), [story.root], 2)

    stories.append(story := Story("an add that knows of the removal brings back", [ALICE], [CAROL]))
    gone = story.op(ALICE, Remove(CAROL, ((CAROL, 3),)), [story.root], 2)
    story.op(ALICE, Add((CAROL,), False), [gone], 3)

    stories.append(story := Story("two who remove each other are both out", [ALICE, BOB], [CAROL]))
    story.op(ALICE, Remove(BOB, ((BOB, 1),)), [story.root], 2)
    story.op(BOB, Remove(ALICE, ((ALICE, 1),)), [story.root], 2)

    stories.append(story := Story("what was dated back is void, what was seen is not", [ALICE, BOB, CAROL]))
    story.op(BOB, Add((DORA,), False), [story.root], 5)
    story.op(BOB, Add((EVE,), True), [story.root], 6)
    story.op(BOB, Remove(CAROL, ()), [story.root], 7)
    story.op(ALICE, Remove(BOB, ((BOB, 5),)), [story.root], 2)

    story = Story("who stands on a void grant takes his remover along alone", [ALICE, BOB, CAROL])
    stories.append(story)
    story.op(ALICE, Remove(BOB, ((BOB, 5),)), [story.root], 2)
    up = story.op(BOB, Add((EVE,), True), [story.root], 6)
    story.op(EVE, Remove(ALICE, ()), [up], 1)
    story.op(EVE, Remove(CAROL, ()), [up], 2)

    stories.append(story := Story("without authority, and what stands on that", [ALICE], [BOB]))
    bad = story.op(BOB, Promote(BOB), [story.root], 2)
    story.op(ALICE, Rename("Later"), [bad], 2)
    story.op(ALICE, Promote(EVE), [story.root], 3)

    stories.append(story := Story("the last admin leaves: all are admins", [ALICE], [BOB, CAROL]))
    story.op(ALICE, Remove(ALICE, ((ALICE, 1),)), [story.root], 2)

    stories.append(story := Story("what stands on something that is not here waits", [ALICE], [BOB]))
    story.op(ALICE, Rename("Later"), [GROUP], 2)
    return [story.case() for story in stories]


# --- all ----------------------------------------------------------------------------------------------


def accepted() -> list[Case]:
    """Everything that has a meaning."""
    cases = []
    for what, values in GOOD.items():
        for name, value in values.items():
            data = coded(what, value)
            found = READERS[what](data)
            assert found is not None, name
            cases.append({"what": what, "name": name, "data": data.hex(), "found": plain(found)})
    return [*cases, *derived(), *groups()]


def refused() -> list[Case]:
    """Everything that has none, and each good one cut short or with one byte more."""
    cases = []
    for what, values in BAD.items():
        for name, value in values.items():
            cases.append({"what": what, "name": name, "data": coded(what, value).hex()})
    for what, values in GOOD.items():
        name, value = next(iter(values.items()))
        data = coded(what, value)
        cases.append({"what": what, "name": f"{name}, cut short", "data": data[:-1].hex()})
        cases.append({"what": what, "name": f"{name}, and one byte", "data": (data + b"\x00").hex()})
    for case in cases:
        assert READERS[case["what"]](bytes.fromhex(case["data"])) is None, case["name"]
    return cases
