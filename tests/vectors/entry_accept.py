"""Cases that a reader of `docs/protocol/entry.md` must accept, for entry-accept.json."""

from collections.abc import Iterator

from entry_pieces import (
    ALICE,
    BOB,
    BODY,
    CHARTER,
    NETWORK,
    SALT,
    Case,
    chain,
    pairs,
    post,
    second_signature,
    shown,
    signature_case,
    spoiled_chain,
)

from store.charter import Charter
from store.crypto import digest
from store.crypto_vectors import ACCEPTED
from store.entry import MAX_SEQ, MAX_TIME_MS, make_body, sign
from store.ids import LOG_DOCS, LOG_ID, LOG_SEALED, EntryId, LogNo, to_text
from store.log import Evidence, bad_proof, fork_proof, stronger


def accepted_entries() -> Iterator[Case]:
    """Entries with what a reader must find in them."""
    one, two = chain(2)
    links = [EntryId(digest(bytes([number]))) for number in range(16)]
    largest = sign(ALICE, NETWORK, LOG_DOCS, MAX_SEQ, bytes([255] * 32), bytes(32_768), MAX_TIME_MS, links)
    named = {
        "first of a feed": one,
        "second of a feed, its body absent": two.without_body(),
        "a text in Cyrillic that answers another entry": post(1, b"", body=BODY, links=[two.id], key=BOB),
        "every number at its limit, 16 links, body absent": largest.without_body(),
        "smallest body, time 0": post(1, b"", body=bytes(17), time_ms=0),
        "last entry of an id log, largest body there": post(4096, one.id, log=LOG_ID, body=bytes(2048)),
        "a sealed entry": post(1, b"", log=LOG_SEALED),
        "a log number without a purpose": post(1, b"", log=LogNo(15)),
        "box-f": post(1, b"", log=LogNo(31)),
        "a kind of body that nobody knows": post(1, b"", body=make_body(SALT, [65_535, None, [True, -5]])),
        "a body that is no content at all": post(1, b"", body=SALT + b"\xc1"),
        "a document version": post(
            1, b"", log=LOG_DOCS, body=make_body(SALT, [33, "plan", "Plan", "text/markdown", "# Plan"])
        ),
    }
    for name, entry in named.items():
        fields = {"author": entry.author.hex(), "log": entry.log, "seq": entry.seq, "back": entry.back.hex()}
        fields |= {"body_bytes": entry.body_bytes, "commitment": entry.commitment.hex()}
        fields |= {"time_ms": entry.time_ms, "links": [link.hex() for link in entry.links]}
        yield {"what": "entry", "name": name, **shown(entry), "id": entry.id.hex(), "fields": fields}


def forks() -> list[Evidence]:
    """Three forks of one place, from three branches."""
    one, two, three = (post(2, bytes(32), text) for text in ("one", "two", "three"))
    return [fork_proof(*pair, NETWORK) for pair in ((one, two), (two, three), (one, three))]


def evidences() -> dict[str, Evidence]:
    """Evidence of both kinds, all about one log."""
    twice = post(7, bytes(32))
    wrong = spoiled_chain(4, 2)
    other = spoiled_chain(4, 2, "other")
    return {
        "fork": forks()[0],
        "fork at seq 1": fork_proof(post(1, b"", "one"), post(1, b"", "two"), NETWORK),
        "fork, one header under two signatures": fork_proof(twice, second_signature(twice), NETWORK),
        "bad entry, shortest proof": bad_proof(wrong[1:3], NETWORK),
        "bad entry, a longer proof than needed": bad_proof(wrong[1:], NETWORK),
        "another bad entry at the same place": bad_proof(other[1:3], NETWORK),
        "fork at the second place from other branches": forks()[1],
        "fork at the second place, the third pair": forks()[2],
    }


def accepted_evidence() -> Iterator[Case]:
    """Evidence, and which of several counts."""
    for name, item in evidences().items():
        expected = {
            "kind": item.kind,
            "author": item.log_id.author.hex(),
            "log": item.log_id.log,
            "seq": item.seq,
        }
        expected |= {"entries": [entry.id.hex() for entry in item.entries], "digest": item.digest().hex()}
        yield {
            "what": "evidence",
            "name": name,
            "network": NETWORK.hex(),
            "data": item.encode().hex(),
            **expected,
        }
    items = evidences()
    bad = [item for name, item in items.items() if "bad entry" in name]
    groups = {
        "of three branches the two smallest ids": forks(),
        "of several bad entries the smallest id, then the shortest proof": bad,
        "at one place a fork before a bad entry": [bad[0], items["fork"]],
        "the lowest place": list(items.values()),
    }
    for name, group in groups.items():
        strongest = group[0]
        for item in group[1:]:
            strongest = stronger(strongest, item)
        datas = [item.encode().hex() for item in group]
        yield {
            "what": "merge",
            "name": name,
            "network": NETWORK.hex(),
            "data": datas,
            "strongest": strongest.encode().hex(),
        }


def accepted_runs() -> Iterator[Case]:
    """Runs with the head before them and after."""
    whole = chain(5)
    wrong = spoiled_chain(5, 3)
    named = {
        "a whole log": (None, whole),
        "one entry": (whole[0], whole[1:2]),
        "the rest of a log": (whole[1], whole[2:]),
        "the signature of the third is wrong and the fifth vouches for it": (None, wrong),
    }
    for name, (head, run) in named.items():
        before = None if head is None else [head.seq, head.id.hex()]
        after = [run[-1].seq, run[-1].id.hex()]
        yield {
            "what": "run",
            "name": name,
            "network": NETWORK.hex(),
            "head": before,
            "entries": pairs(run),
            "head_after": after,
            "badly_signed": [entry.seq for entry in run if entry in wrong[2:3]],
        }


def accepted_names() -> Iterator[Case]:
    """Text forms of ids, charters and bare signatures."""
    for value in (bytes(32), bytes([255] * 32), bytes(range(32)), ALICE.author):
        text = to_text(value)
        yield {"what": "id", "name": f"text form {text[:10]}", "id": value.hex(), "text": text, "read": text}
        yield {
            "what": "id",
            "name": f"read {text[:10]} in capitals",
            "id": value.hex(),
            "text": text,
            "read": text.upper(),
        }
    yield from accepted_charters()
    for name, key, signature, message in ACCEPTED:
        yield signature_case(name, key, signature, message)


def accepted_charters() -> Iterator[Case]:
    """Charters of circles and of federations; what an inception is, federation.md says."""
    most = tuple(bytes([number] * 2_048) for number in range(16))
    named = {
        "a circle": CHARTER,
        "a circle, its name in Cyrillic": Charter("ж", bytes(16)),
        "a circle, the longest name": Charter("😀" * 100, bytes([255] * 16)),
        "inceptions that are none, in ascending order": Charter("a", bytes(16), 2, (b"", b"\x00", b"\x01")),
        "every value at its limit": Charter("😀" * 100, bytes([255] * 16), 16, most),
    }
    for name, charter in named.items():
        yield {
            "what": "charter",
            "name": name,
            "data": charter.encode().hex(),
            "charter_name": charter.name,
            "salt": charter.salt.hex(),
            "endorsements": charter.endorsements,
            "inceptions": [each.hex() for each in charter.inceptions],
            "network": charter.network_id().hex(),
        }


def cases() -> list[Case]:
    """All of them."""
    return [*accepted_entries(), *accepted_evidence(), *accepted_runs(), *accepted_names()]
