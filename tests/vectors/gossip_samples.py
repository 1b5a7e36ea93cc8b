"""Messages of the push and sync streams and announcements, one or more of each sort, by what they show."""

from entry_pieces import NETWORK, post
from gossip_sides import ALICE_FEED, BOB_FEED, CAROL_ID, NONCES, bob_fork

from gossip.proto import messages as push
from gossip.proto import sync_messages as sync
from gossip.proto.announce import Announcement, HeadMark
from gossip.proto.interest import EVERYTHING, Interest, choose
from gossip.proto.parts import Listed, Positions, Split, Wanted
from store.crypto import digest
from store.entry import MAX_SEQ
from store.ids import LOG_BOX_0, LOG_DOCS, EntryId, LogNo
from store.log import LogId

ADDRESS = "/ip4/192.0.2.7/tcp/4001"
TIME_MS = 1_700_000_000_000
ALICE_LOG = LogId(ALICE_FEED[0].author, ALICE_FEED[0].log)
LINKED = post(1, b"", log=LOG_DOCS, links=[entry.id for entry in BOB_FEED])
EARLIER = post(2, LINKED.id, "later, with an earlier time", log=LOG_DOCS, time_ms=TIME_MS - 5_000)


def an_id(number: int) -> EntryId:
    """Some id."""
    return EntryId(digest(bytes([number])))


NARROW = choose(0b1101, [an_id(20), an_id(21)], TIME_MS)
OWN_BOX = choose(bodies=0xFFFF | 1 << LOG_BOX_0 + 3)


def hellos() -> dict[str, push.PushMessage]:
    """The first message of a push stream."""
    return {
        "hello of a laptop": push.Hello(NETWORK, EVERYTHING, False, (ADDRESS,)),
        "hello of a hub that carries feeds and documents": push.Hello(
            NETWORK,
            Interest(0b1100),
            True,
            (ADDRESS, "/dns/hub.example.org/tcp/4001", "/ip6/2001:db8::7/tcp/4001"),
        ),
        "hello of one who carries nothing and is nowhere": push.Hello(NETWORK, Interest(0), False, ()),
        "hello with 16 addresses of 200 characters": push.Hello(
            NETWORK, EVERYTHING, True, tuple(f"/dns/{number:0195}" for number in range(16))
        ),
        "hello of one who carries two sections, and bodies from a time on": push.Hello(
            NETWORK, NARROW, False, (ADDRESS,)
        ),
        "hello of one who carries all sections, and bodies from a time on": push.Hello(
            NETWORK, choose(bodies_since_ms=TIME_MS), False, ()
        ),
        "hello of one who wants packets of box-3 alone": push.Hello(NETWORK, OWN_BOX, False, (ADDRESS,)),
        "hello of one who carries no section": push.Hello(NETWORK, choose(sections=()), False, ()),
        "hello of one who carries 64 sections": push.Hello(
            NETWORK, choose(sections=map(an_id, range(64))), False, ()
        ),
    }


def push_messages() -> dict[str, push.PushMessage]:
    """Messages of the push stream."""
    return {
        **hellos(),
        "one entry with its body": push.Entries((ALICE_FEED[0],)),
        "three entries of two logs, one without its body": push.Entries(
            (ALICE_FEED[0], BOB_FEED[0].without_body(), ALICE_FEED[1])
        ),
        "want of one body": push.WantBodies((an_id(1),)),
        "want of 64 bodies": push.WantBodies(tuple(map(an_id, range(64)))),
        "every sort of answer": push.Bodies(
            (
                push.BodyAnswer(ALICE_FEED[0].id, push.HELD, ALICE_FEED[0].body or b""),
                push.BodyAnswer(an_id(1), push.DELETED, an_id(2)),
                push.BodyAnswer(an_id(3), push.EXPIRED, b""),
                push.BodyAnswer(an_id(4), push.NOT_HELD, b""),
            )
        ),
        "evidence of a fork": push.EvidenceFound(bob_fork().encode()),
        "nudge": push.Nudge(an_id(5)),
        "interested in everything": push.Interested(EVERYTHING),
        "interested in packets of box-3 alone": push.Interested(OWN_BOX),
        "interested in two sections": push.Interested(NARROW),
    }


def comparing_messages() -> dict[str, sync.SyncMessage]:
    """Messages of the sync stream until the comparison is over."""
    marks = bytes(range(10))
    packed = bytes(range(24))
    return {
        "open": sync.Open(EVERYTHING, NONCES["initiator"], an_id(6), 3),
        "open of one who holds nothing": sync.Open(EVERYTHING, NONCES["initiator"], an_id(7), 0),
        "open of one who carries two sections": sync.Open(NARROW, NONCES["initiator"], an_id(7), 2),
        "same": sync.Same(),
        "differ, the line listed": sync.Differ(
            EVERYTHING, NONCES["responder"], an_id(8), (Listed(0, 0, marks),)
        ),
        "differ, the line split in 64": sync.Differ(
            Interest(0b100), NONCES["responder"], an_id(9), (Split(0, 0, 6, bytes(5 * 64)),)
        ),
        "differ of one who carries two sections": sync.Differ(
            NARROW, NONCES["responder"], an_id(8), (Listed(0, 0, marks),)
        ),
        "turn of one empty list": sync.Turn((Listed(64, 2**64 - 1, b""),)),
        "turn with a part of each sort": sync.Turn(
            (Split(2, 1, 1, marks), Listed(2, 3, marks[:5]), Positions(packed), Wanted(marks))
        ),
        "totals": sync.Totals(38, 17_100, True),
        "totals of nothing, with more left out": sync.Totals(0, 0, False),
    }


def trading_messages() -> dict[str, sync.SyncMessage]:
    """Messages of the sync stream after the comparison."""
    return {
        "run of a whole log": sync.Run(tuple(ALICE_FEED)),
        "run from the middle of a log": sync.Run(tuple(BOB_FEED[1:])),
        "run with absent bodies": sync.Run(tuple(entry.without_body() for entry in BOB_FEED)),
        "run with links, and a time that goes back": sync.Run((LINKED, EARLIER)),
        "run of an id log": sync.Run(tuple(CAROL_ID)),
        "ack": sync.Ack(1),
        "done": sync.Done(),
        "bye": sync.Bye(),
        "contradiction": sync.Contradiction(bob_fork().encode()),
        "probe": sync.Probe(ALICE_LOG, 1),
        "probe at the last seq of the last log": sync.Probe(LogId(ALICE_LOG.author, LogNo(31)), MAX_SEQ),
        "shown": sync.Shown(ALICE_FEED[0].without_body()),
        "stop": sync.Stop("the disk is full"),
        "stop with 200 characters": sync.Stop("ж" * 200),
        "absent": sync.Absent(ALICE_LOG, 7),
        "decline": sync.Decline(ALICE_LOG),
    }


def announcements() -> dict[str, Announcement]:
    """Announcements."""
    heads = tuple(HeadMark(LogNo(number), number + 1, an_id(number)[:16]) for number in range(32))
    return {
        "of a laptop": Announcement(TIME_MS, False, EVERYTHING, (ADDRESS,), heads[2:3]),
        "of a device that says nothing of itself": Announcement(0, False, Interest(0), (), ()),
        "of a hub with every log": Announcement(2**53 - 1, True, EVERYTHING, (ADDRESS,) * 16, heads),
        "of one who wants packets of box-3 alone": Announcement(TIME_MS, False, OWN_BOX, (ADDRESS,), ()),
        "of one who carries two sections": Announcement(TIME_MS, False, NARROW, (ADDRESS,), ()),
    }


def encoded_push() -> dict[str, bytes]:
    """The push messages' bytes."""
    return {name: push.encode_push(message) for name, message in push_messages().items()}


def encoded_sync() -> dict[str, bytes]:
    """The sync messages' bytes."""
    every = {**comparing_messages(), **trading_messages()}
    return {name: sync.encode_sync(message) for name, message in every.items()}


def encoded_announcements() -> dict[str, bytes]:
    """The announcements' bytes."""
    return {name: said.encode() for name, said in announcements().items()}
