"""Cases that a reader of `docs/protocol/federation.md` must accept, for federation-accept.json."""

import unicodedata
from collections.abc import Iterator

from entry_pieces import Case
from federation_pieces import (
    ALICE,
    BOB,
    CAROL,
    CHARTER,
    DAVE,
    INVITE_KEY,
    LYON,
    NETWORK,
    NONCE,
    SECRET,
    STATE,
    case,
    log,
    logs,
    parts,
    plain,
)

from node.federation import bare, guest_messages
from node.federation.code import Contact, Invite, Place, encode
from node.federation.cuts import LogEnd, make_cut
from node.federation.inception import Terms, encode_inception, read_inception, sign_inception
from node.federation.limits import MAX_DEVICE_NAME_CHARS
from node.federation.names import ActId, SectionId
from node.federation.passport import make
from node.federation.phrase import languages, new_phrase
from node.federation.roster import Roster
from node.federation.safety import member_number, safety_number
from node.federation.statements import FOR_SECTIONS, read
from node.testing.citizens import Device, inception
from store.crypto import digest
from store.entry import Entry
from store.ids import LOG_FEED, LOG_ID, EntryId


def accepted_words() -> Iterator[Case]:
    """Phrases in each list, as they may be typed; root keys and invite keys."""
    known = [(language, digest(language.encode())) for language in languages()]
    known += [("english", bytes(32)), ("english", bytes([255] * 32)), ("english", ALICE.entropy)]
    for language, entropy in known:
        phrase = new_phrase(entropy, language)
        root = bare.root_key(entropy).author
        yield case("phrase", f"{language}, {phrase.split()[0]}", phrase=phrase, entropy=entropy, root=root)
    phrase = new_phrase(ALICE.entropy, "french")
    numbered = "\n".join(f"{number}. {word}" for number, word in enumerate(phrase.split(), 1))
    typed = {
        "in capitals": phrase.upper(),
        "decomposed": unicodedata.normalize("NFD", phrase),
        "numbered": numbered,
        "with ideographic spaces": phrase.replace(" ", "\u3000"),
    }
    for name, text in typed.items():
        yield case("phrase", name, phrase=text, entropy=ALICE.entropy, root=ALICE.root)
    for secret in (SECRET, bytes(16)):
        yield case("secret", f"of {secret.hex()}", secret=secret, key=bare.invite_key(secret).author)


def accepted_inceptions() -> Iterator[Case]:
    """Founding ones and one of a network that exists."""
    roots = sorted((ALICE, BOB, CAROL), key=lambda citizen: citizen.root)
    full = Terms("Región Ñ", "the valley", ("es", "ca", "pt-BR"), tuple(each.root for each in roots), 2)
    named = {
        "a founding section": (LYON, bare.NO_NETWORK),
        "three stewards of whom two act": (
            sign_inception(encode_inception(full, bytes(16)), [each.key for each in roots]),
            bare.NO_NETWORK,
        ),
        "in a network": (inception("Berlin", [CAROL], network=NETWORK), NETWORK),
    }
    for name, (data, network) in named.items():
        read_back = read_inception(data, network)
        yield case(
            "inception", name, network=network, data=data, section=read_back.section, terms=read_back.terms
        )


def statements_of(device: Device, other: Device, section: SectionId) -> dict[str, Entry]:
    """One statement of each kind, and acts of every sort."""
    grant = device.grant(STATE, SECRET, 50, 1_800_000_000_000)
    cut = make_cut(
        other.id, [LogEnd(LOG_ID, 2, EntryId(bytes(32))), LogEnd(LOG_FEED, 7, EntryId(bytes([1] * 32)))]
    )
    act = ActId(digest(b"an act"))
    terms = Terms("Lyon", "", ("fr",), tuple(sorted((ALICE.root, BOB.root))), 2)
    return {
        "certificate": device.certificate,
        "grant": grant,
        "grant for sections": device.grant(STATE, bytes(16), purpose=FOR_SECTIONS),
        "claim": other.claim(grant.id, SECRET, device.id, NONCE),
        "settlement": device.settle(STATE, grant.id, [BOB.root, CAROL.root]),
        "settlement that lists nobody": device.settle(STATE, grant.id, []),
        "admission": device.admit(STATE, DAVE.root),
        "inception": other.begin(inception("Berlin", [BOB, CAROL], network=NETWORK)),
        "cut": device.cut(cut),
        "cut of everything": device.cut(cut._replace(ends=())),
        "change": device.change([STATE], terms),
        "change that chooses and retires": device.change(
            [STATE, act, bytes(32)], terms._replace(stewards=(BOB.root,), threshold=1), [(device.id, 9)]
        ),
        "endorsement": device.endorse(STATE, section),
        "end": device.end(STATE, BOB.root, [cut]),
        "replacement": device.replace(STATE, BOB.root, CAROL.root, [cut]),
        "consent": device.consent(act),
    }


def accepted_statements() -> Iterator[Case]:
    """Entries of `id` logs with what they say. `root`: that of the log's device."""
    device, other = ALICE.device(NETWORK), BOB.device(NETWORK)
    section = SectionId(digest(b"a section"))
    for name, entry in statements_of(device, other, section).items():
        root = ALICE.root if entry.author == device.id else BOB.root
        said = read(entry, NETWORK, root)
        assert said is not None
        fields = plain(said.statement)
        if "inception" in fields:
            fields = {"data": fields["inception"]["data"], "section": fields["inception"]["section"]}
        assert entry.body is not None
        kind = entry.body[17]  # after the salt and the list's first byte
        yield case(
            "statement", name, network=NETWORK, root=root, entry=parts(entry), kind=kind, fields=fields
        )


def accepted_proofs() -> Iterator[Case]:
    """What is signed outside of logs."""
    device, hub = BOB.device(NETWORK), ALICE.device(NETWORK)
    grant = hub.grant(STATE, SECRET)
    claim = device.claim(grant.id, SECRET, hub.id, NONCE)
    yield case("claim", "a claim of a grant", network=NETWORK, grant=parts(grant), claim=parts(claim))
    message = bare.return_message(hub.id, device.id, NONCE)
    yield case(
        "return",
        "a member who returns",
        root=BOB.root,
        hub=hub.id,
        device=device.id,
        nonce=NONCE,
        signature=BOB.key.sign(message),
    )


def accepted_passports() -> Iterator[Case]:
    """Passports, with what the peer that reads them has heard."""
    hub = ALICE.device(NETWORK, "hub")
    grant = hub.grant(STATE, SECRET)
    hub.admit(STATE, CAROL.root)
    first, second = BOB.device(NETWORK, "\U0001f30d" * MAX_DEVICE_NAME_CHARS), BOB.device(NETWORK, "phone")
    admitted = CAROL.device(NETWORK)
    first.claim(grant.id, SECRET, hub.id, NONCE)
    devices = (hub, first, second, admitted)
    roster = Roster(CHARTER)
    for device in devices:
        roster.add(device.log)
    certificates = {device.id: device.certificate for device in devices}
    entries = {entry.id: entry for device in devices for entry in device.log}
    named = {
        "an invited member, the longest name": first,
        "his second device": second,
        "one whom a steward admitted": admitted,
        "a steward": hub,
    }
    for name, device in named.items():
        data = make(roster, device.id, certificates.__getitem__, entries.__getitem__)
        yield case(
            "passport",
            name,
            charter=CHARTER.encode(),
            logs=logs([hub]),
            device=device.id,
            data=data,
            member=device.citizen.root,
        )


def accepted_messages() -> Iterator[Case]:
    """One message of each number, and those with other values."""
    device = BOB.device(NETWORK)
    device.claim(EntryId(bytes(32)), SECRET, device.id, NONCE)
    named: dict[str, guest_messages.Message] = {
        "knock": guest_messages.Knock(NETWORK[:16], INVITE_KEY.author),
        "return": guest_messages.Return(BOB.root),
        "present": guest_messages.Present(b"passport"),
        "proof": guest_messages.Proof(bytes(64)),
        "entries": guest_messages.Entries(tuple(device.log)),
        "done": guest_messages.Done(),
        "challenge": guest_messages.Challenge(NONCE, CHARTER.encode(), bytes(32), FOR_SECTIONS),
        "challenge for one who returns": guest_messages.Challenge(NONCE),
        "charter": guest_messages.CharterSent(CHARTER.encode()),
        "welcome": guest_messages.Welcome(False),
        "welcome of a candidate": guest_messages.Welcome(True),
        "refused": guest_messages.refusal(guest_messages.EXPIRED),
        "refused with a code of a newer version": guest_messages.Refused(255, ""),
    }
    for name, message in named.items():
        fields = message._asdict()
        if isinstance(message, guest_messages.Entries):
            fields = {"entries": log(message.entries)}
        yield case("message", name, data=guest_messages.encode_message(message), fields=fields)


def accepted_codes() -> Iterator[Case]:
    """Invites and contacts, as they are written and as they may be typed."""
    hub = ALICE.device(NETWORK).id
    places = [Place("192.0.2.7", 4001), Place("2001:db8::7", 65535), Place("hub.example.org", 1)]
    places += [Place("a" * 9 + "." + "b" * 11, 4001), Place("h", 4001)]
    for place in places:
        for code in (Invite(NETWORK[:16], SECRET, hub, place), Contact(NETWORK[:16], hub, place)):
            text = encode(code)
            sort = type(code).__name__.lower()
            yield case("code", f"{sort}, {place.host}", read=text, text=text, fields=code._asdict())
    typed = "-\n ".join(text[at : at + 7] for at in range(0, len(text), 7)).lower()
    yield case("code", "a code in groups and small letters", read=typed, text=text, fields=code._asdict())


def accepted_numbers() -> Iterator[Case]:
    """Safety numbers."""
    for one, other in ((ALICE, BOB), (BOB, ALICE), (CAROL, CAROL)):
        yield case(
            "safety",
            f"{one.name} and {other.name}",
            network=NETWORK,
            roots=[one.root, other.root],
            members=[member_number(NETWORK, one.root), member_number(NETWORK, other.root)],
            number=safety_number(NETWORK, one.root, other.root),
        )


def cases() -> list[Case]:
    """All of them, but for rosters."""
    makers = (
        accepted_words,
        accepted_inceptions,
        accepted_statements,
        accepted_proofs,
        accepted_passports,
        accepted_messages,
        accepted_codes,
        accepted_numbers,
    )
    return [each for maker in makers for each in maker()]
