"""Cases that a reader of `docs/protocol/federation.md` must refuse, for federation-refuse.json."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from entry_pieces import Case
from federation_pieces import (
    ALICE,
    BOB,
    CAROL,
    CHARTER,
    NETWORK,
    NONCE,
    OTHER_NETWORK,
    SECRET,
    STATE,
    case,
    logs,
    parts,
)

from node.federation import bare
from node.federation.code import Invite, Place, encode
from node.federation.cuts import LogEnd, make_cut
from node.federation.guest_messages import INVALID, NOT_ENDORSED, REVOKED, UNKNOWN, WRONG_NETWORK
from node.federation.phrase import new_phrase
from node.federation.statements import CERTIFICATE, FOR_SECTIONS, compose_certificate
from node.testing.citizens import Device, inception
from store.codec import encode as pack
from store.crypto import digest
from store.entry import Entry, make_body, sign
from store.ids import LOG_FEED, LOG_ID, EntryId

SALT = bytes(range(16, 32))
HUB = ALICE.device(NETWORK)
ID = bytes(32)
SIGNATURE = bytes(64)
CUT = make_cut(HUB.id, [LogEnd(LOG_ID, 2, EntryId(ID))]).encode()


def refused_words() -> Iterator[Case]:
    """Texts that are no phrases."""
    words = new_phrase(ALICE.entropy).split()
    named = {
        "23 words": words[:23],
        "25 words": [*words, words[0]],
        "no words": [],
        "an unknown word": ["abandn", *words[1:]],
        "two words that changed places": [words[1], words[0], *words[2:]],
        "words of two lists": [*words[:12], *new_phrase(ALICE.entropy, "korean").split()[12:]],
        "a wrong checksum": ["abandon"] * 24,
    }
    for name, typed in named.items():
        yield case("phrase", name, phrase=" ".join(typed), error="BadPhrase")


def refused_inceptions() -> Iterator[Case]:
    """Signed inceptions that break a rule."""
    roots = sorted((ALICE, BOB, CAROL), key=lambda citizen: citizen.root)
    three = [each.root for each in roots]
    good: list[Any] = [1, "Lyon", "", ["fr"], three, 2, bytes(16)]
    changed: dict[str, tuple[int, Any]] = {
        "version 2": (0, 2),
        "no name": (1, ""),
        "a name of 65 characters": (1, "a" * 65),
        "a space at the end of the name": (1, "Lyon "),
        "a name that is not NFC": (1, "e\u0301"),
        "a line break in the name": (1, "a\nb"),
        "a territory of 101 characters": (2, "a" * 101),
        "a language of one character": (3, ["f"]),
        "a language with a space": (3, ["f r"]),
        "a language twice": (3, ["fr", "fr"]),
        "17 languages": (3, [f"x{number:02}" for number in range(17)]),
        "half of the stewards": (5, 1),
        "more than all stewards": (5, 4),
        "a threshold of true": (5, True),
        "a salt of 15 bytes": (6, bytes(15)),
    }
    for name, (place, value) in changed.items():
        yield refused_inception(name, [*good[:place], value, *good[place + 1 :]], roots)
    for name, stewards, signers in (
        ("no stewards", [], []),
        ("stewards out of order", three[::-1], roots),
        ("a steward twice", [three[0], three[0], three[1]], roots),
        ("a steward of 31 bytes", [bytes(31)], roots[:1]),
    ):
        threshold = len(stewards) // 2 + 1
        yield refused_inception(name, [*good[:4], stewards, threshold, good[6]], signers)
    yield refused_inception("a signature is missing", good, roots[:2])
    yield refused_inception("signatures out of order", good, roots[::-1])
    yield refused_inception("eight values", [*good, 0], roots)
    data = inception("Lyon", [ALICE])
    yield case("inception", "signed for a charter", network=NETWORK, data=data, error="InvalidStatement")
    data = inception("Lyon", [ALICE], network=NETWORK)
    yield case("inception", "signed for a network", network=bytes(32), data=data, error="InvalidStatement")


def refused_inception(name: str, values: Sequence[Any], signers: Sequence[Any]) -> Case:
    """Signed all the same."""
    data = pack(values)
    message = bare.inception_message(bare.NO_NETWORK, data)
    signed = pack([data, [each.key.sign(message) for each in signers]])
    return case("inception", name, network=bytes(32), data=signed, error="InvalidStatement")


def said(device: Device, content: Sequence[Any], seq: int = 2, log: Any = LOG_ID) -> Entry:
    """A well-signed entry with any content."""
    back = b"" if seq == 1 else device.certificate.id
    return sign(device.key, NETWORK, log, seq, back, make_body(SALT, content), 1_700_000_000_000)


def refused_statements() -> Iterator[Case]:
    """Entries that are valid and say nothing: they have no effect on a roster."""
    # long because it is a table
    named = {
        "a kind that nobody knows": [99, ID],
        "a certificate at entry 2": [CERTIFICATE, ALICE.root, "laptop", SIGNATURE],
        "a grant of no uses": [18, STATE, ID, 0, 0, 0],
        "a grant of 51 uses": [18, STATE, ID, 51, 0, 0],
        "a grant of true uses": [18, STATE, ID, True, 0, 0],
        "a grant with a purpose of 2": [18, STATE, ID, 1, 0, 2],
        "a grant with six values": [18, STATE, ID, 1, 0, 0, 0],
        "a settlement out of order": [19, STATE, ID, [bytes([2] * 32), bytes([1] * 32)]],
        "a settlement that names one twice": [19, STATE, ID, [ID, ID]],
        "a settlement of 51": [19, STATE, ID, [bytes([number] * 32) for number in range(51)]],
        "an admission of 31 bytes": [20, STATE, bytes(31)],
        "a claim with a nonce of 15 bytes": [17, ID, ALICE.root, HUB.id, bytes(15), SIGNATURE],
        "an inception signed for a charter": [21, inception("Berlin", [ALICE])],
        "a cut that the root did not sign": [22, CUT, SIGNATURE],
        "a cut with log 32": [22, pack([HUB.id, [[32, 1, ID]]]), SIGNATURE],
        "a change without parents": [23, [], "Lyon", "", [], [ALICE.root], 1, []],
        "a change with rivals out of order": [
            23,
            [STATE, bytes([2] * 32), bytes([1] * 32)],
            *("Lyon", "", [], [ALICE.root], 1, []),
        ],
        "a change with a parent twice": [23, [STATE, STATE], "Lyon", "", [], [ALICE.root], 1, []],
        "a change whose threshold cannot be met": [23, [STATE], "Lyon", "", [], [ALICE.root], 2, []],
        "a change that ends a device at 0": [23, [STATE], "Lyon", "", [], [ALICE.root], 1, [[HUB.id, 0]]],
        "an endorsement of 31 bytes": [24, STATE, bytes(31)],
        "an end with a cut twice": [25, STATE, BOB.root, [CUT, CUT]],
        "an end with 17 cuts": [
            *(25, STATE, BOB.root),
            [pack([bytes([number] * 32), []]) for number in range(17)],
        ],
        "a replacement by the same root": [26, STATE, BOB.root, BOB.root, []],
        "a consent of two acts": [27, ID, ID],
    }
    for name, content in named.items():
        yield refused_statement(name, said(HUB, content))
    wrong = [CERTIFICATE, ALICE.root, "laptop", SIGNATURE]
    yield refused_statement("a certificate that the root did not sign", said(HUB, wrong, 1))
    signature = ALICE.key.sign(bare.device_message(NETWORK, BOB.device(NETWORK).id))
    yield refused_statement(
        "another device's certificate", said(HUB, [CERTIFICATE, ALICE.root, "laptop", signature], 1)
    )
    good = compose_certificate(SALT, ALICE.root, "laptop", bytes(64))
    name = "a certificate in another log than id"
    yield refused_statement(name, sign(HUB.key, NETWORK, LOG_FEED, 1, b"", good, 0))
    yield refused_statement("a statement at entry 1", said(HUB, [20, STATE, BOB.root], 1))


def refused_statement(name: str, entry: Entry) -> Case:
    """Read with the root of the log's device."""
    return case(
        "statement", name, network=NETWORK, root=ALICE.root, entry=parts(entry), error="InvalidStatement"
    )


def refused_proofs() -> Iterator[Case]:
    """Claims and proofs that were made for something else."""
    grant = ALICE.device(NETWORK, "hub").grant(STATE, SECRET)
    claims = {
        "of another invite": BOB.device(NETWORK).claim(grant.id, bytes(16), HUB.id, NONCE),
        "of another network": Device(BOB, OTHER_NETWORK, "bob/laptop", "laptop").claim(
            grant.id, SECRET, HUB.id, NONCE
        ),
    }
    for name, claim in claims.items():
        yield case(
            "claim", name, network=NETWORK, grant=parts(grant), claim=parts(claim), error="BadSignature"
        )
    device = BOB.device(NETWORK).id
    asked: dict[str, Any] = {"root": BOB.root, "hub": HUB.id, "device": device, "nonce": NONCE}
    signature = BOB.key.sign(bare.return_message(HUB.id, device, NONCE))
    for name in asked:
        other = {**asked, name: bytes(16) if name == "nonce" else CAROL.root}
        yield case("return", f"another {name}", **other, signature=signature, error="BadSignature")


def refused_passports() -> Iterator[Case]:
    """Passports that let nobody in, with the code of the refusal."""
    # long because it is a table
    hub = ALICE.device(NETWORK, "hub")
    grant, for_sections = hub.grant(STATE, SECRET), hub.grant(STATE, bytes(16), purpose=FOR_SECTIONS)
    closed = hub.grant(STATE, bytes([1] * 16))
    hub.settle(STATE, closed.id, [])
    device, second, late, founder = (BOB.device(NETWORK, name) for name in ("a", "b", "c", "d"))
    claim = device.claim(grant.id, SECRET, hub.id, NONCE)
    late.claim(closed.id, bytes([1] * 16), hub.id, NONCE)
    founder.claim(for_sections.id, bytes(16), hub.id, NONCE)
    forged = BOB.device(NETWORK, "e")
    forged.claim(grant.id, bytes(16), hub.id, NONCE)
    voucher = BOB.key.sign(bare.device_message(NETWORK, device.id))
    wrong = BOB.key.sign(bare.device_message(NETWORK, second.id))
    good = passport(device.log)
    named: dict[str, tuple[bytes, Device, int]] = {
        "cut": (good[:-1], device, INVALID),
        "doubled": (good + good, device, INVALID),
        "of another network": (passport(device.log, network=OTHER_NETWORK), device, WRONG_NETWORK),
        "of another device": (good, second, INVALID),
        "a certificate twice": (passport([device.certificate] * 2), device, INVALID),
        "no entries": (passport([]), device, INVALID),
        "a claim without its certificate": (passport([claim]), device, INVALID),
        "nobody admitted this root": (passport([second.certificate]), second, UNKNOWN),
        "a claim of another device without a voucher": (
            passport([second.certificate, claim]),
            second,
            INVALID,
        ),
        "a voucher of another device": (passport([second.certificate, claim], wrong), second, INVALID),
        "a voucher of the device itself": (passport(device.log, voucher), device, INVALID),
        "a claim that a settlement left out": (passport(late.log), late, REVOKED),
        "a claim of an invite for sections": (passport(founder.log), founder, NOT_ENDORSED),
        "a claim that was made without the invite": (passport(forged.log), forged, INVALID),
        "a spoiled signature": (good[:-3] + bytes([good[-3] ^ 1]) + good[-2:], device, INVALID),
    }
    for name, (data, presenter, code) in named.items():
        yield case(
            "passport",
            name,
            charter=CHARTER.encode(),
            logs=logs([hub]),
            device=presenter.id,
            data=data,
            code=code,
            error="BadPassport",
        )
    yield case(
        "passport",
        "the grant is not known",
        charter=CHARTER.encode(),
        logs=[],
        device=device.id,
        data=good,
        code=UNKNOWN,
        error="BadPassport",
    )


def passport(entries: Sequence[Entry], voucher: bytes = b"", network: bytes = NETWORK) -> bytes:
    """Any entries as a passport."""
    return pack([1, network, [[entry.header, entry.signature, entry.body] for entry in entries], voucher])


def refused_messages() -> Iterator[Case]:
    """Bytes that are no message of the guest protocol."""
    entry, post = HUB.certificate, sign(HUB.key, NETWORK, LOG_FEED, 1, b"", bytes(17), 0)
    named: dict[str, Any] = {
        "no values": [],
        "a number alone": 6,
        "a number that nobody knows": [7],
        "true": [True],
        "knock of version 2": [1, 2, bytes(16), ID],
        "knock with a whole network id": [1, 1, ID, ID],
        "return without a root": [2, 1],
        "a passport of 1,201 bytes": [3, 1, bytes(1_201)],
        "a proof of 63 bytes": [4, bytes(63)],
        "no entries": [5],
        "an entry without a body": [5, entry.header, entry.signature],
        "an entry whose body is absent": [5, entry.header, entry.signature, None],
        "an entry of a feed": [5, post.header, post.signature, post.body],
        "an entry with another body": [5, entry.header, entry.signature, bytes(17)],
        "done with a value": [6, 0],
        "a challenge with a nonce of 15 bytes": [16, bytes(15), b"", b"", 0],
        "a challenge with half a grant": [16, NONCE, b"", bytes(16), 0],
        "a charter as text": [17, "charter"],
        "welcome with a number": [18, 0],
        "refused with code 0": [19, 0, ""],
        "refused with code 256": [19, 256, ""],
        "refused with 201 characters": [19, 1, "a" * 201],
    }
    for name, value in named.items():
        yield case("message", name, data=pack(value), error="RemoteFault")
    yield case("message", "another encoding of done", data=b"\x91\xcc\x06", error="RemoteFault")


def refused_codes() -> Iterator[Case]:
    """Texts that are no codes."""
    text = encode(Invite(NETWORK[:16], SECRET, HUB.id, Place("192.0.2.7", 4001)))
    data = base64.b32decode(text + "===")[:-4]
    named = {
        "nothing": "",
        "a character is missing": text[:-1],
        "a character too many": text + "A",
        "two characters changed places": text[:20] + text[21] + text[20] + text[22:],
        "another last character": text[:-1] + ("A" if text[-1] != "A" else "C"),
        "the digit 0": text[:20] + "0" + text[21:],
        "a letter that is not ASCII": text[:20] + "é" + text[21:],
        "version 3": sealed(b"\x03" + data[1:]),
        "a contact as long as an invite": sealed(b"\x02" + data[1:]),
        "port 0": sealed(data[:65] + b"\x04\x7f\x00\x00\x01" + bytes(19)),
        "a byte after the address": sealed(data[:65] + b"\x04\x7f\x00\x00\x01\x0f\xa1\x01" + bytes(16)),
        "a DNS name in capitals": sealed(data[:65] + b"\x0bA\x0f\xa1" + bytes(20)),
        "an IP address as a DNS name": sealed(data[:65] + b"\x13127.0.0.1\x0f\xa1" + bytes(12)),
        "an address of kind 5": sealed(data[:65] + b"\x05" + bytes(23)),
    }
    for name, typed in named.items():
        yield case("code", name, read=typed, error="BadCode")


def sealed(data: bytes) -> str:
    """Any bytes as a code with the right checksum."""
    check = digest(b"asterism/code/1\0" + data)[:4]
    return base64.b32encode(data + check).decode().rstrip("=")


def cases() -> list[Case]:
    """All of them."""
    makers = (
        refused_words,
        refused_inceptions,
        refused_statements,
        refused_proofs,
        refused_passports,
        refused_messages,
        refused_codes,
    )
    return [each for maker in makers for each in maker()]
