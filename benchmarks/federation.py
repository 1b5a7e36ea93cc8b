"""How fast a roster is built and asked, and a passport checked, beside PyNaCl verifying the same signatures.

    python benchmarks/federation.py [members]

A federation of 50 sections (16 of them founding, each other one endorsed by two) with 3 stewards each, and
10,000 members with two devices each, admitted by invites for 50. The verifying alone is measured before and
after what it is compared with, for the machine has moods. Prints; the last line is one JSON object:

    roster_build_s   from the bytes of all entries to a roster that has said how each device stands: parsing,
                     the signature of each entry and each signature inside, folding, 20,000 answers
    verify_s         the same signatures alone
    build_ratio      the one over the other
    admit_check_us   a passport of a device that the roster does not know, from its bytes, median; between
                     any two of them somebody else joins, by one of a few invites
    verify_us        one signature, median
    check_ratio      the one over the other
    passport_bytes   the largest passport
    joined_us        one more device, and one more claim, with the question how it stands: median, and what
                     its signatures cost is in it
    changed_ms       the first question after a steward's consent, when the sections are computed again
    told_ms          all members, sections, grants and acts, and a digest over them
    memory_mb        what the roster takes
"""

import gc
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple
from unittest import mock

import nacl.bindings

import store.crypto
from node.federation import passport
from node.federation.names import SectionId, StateId
from node.federation.roster import Roster
from node.federation.statements import FOR_SECTIONS
from node.federation.views import Standing
from node.testing.citizens import Citizen, Device, act_of, found, inception, section_of
from node.testing.federations import Invite
from store.charter import Charter
from store.crypto import digest
from store.entry import Entry, parse
from store.ids import AuthorId, NetworkId

MEMBERS = 10_000
SECTIONS = 50
FOUNDING = 16
STEWARDS = 3
USES = 50
DEVICES = ("laptop", "phone")
PASSPORTS = 200
JOINING = 300
WALK_INS = 12  # by one invite: together with those who used it fewer than may stand unsettled

Piece = tuple[bytes, bytes, bytes | None]
"""Header, signature and body of an entry."""

Signed = tuple[bytes, bytes]
"""Signature ‖ message, and key."""


class Sample(NamedTuple):
    """A federation that has come together."""

    charter: Charter
    network: NetworkId
    stewards: list[list[Device]]
    """By section: the first device of each steward."""
    states: list[StateId]
    members: list[tuple[Device, ...]]
    """Those who joined by an invite."""
    devices: dict[AuthorId, Device]
    invites: list[Invite]


def make_sample(members: int) -> Sample:
    """Found a federation, let sections join it, and let everybody join them."""
    stewards = [[Citizen(f"steward {each}.{of}") for of in range(STEWARDS)] for each in range(SECTIONS)]
    founding = [inception(f"section {number}", stewards[number]) for number in range(FOUNDING)]
    charter = found(founding, 2)
    network = charter.network_id()
    pairs = [[tuple(each.device(network, name) for name in DEVICES) for each in group] for group in stewards]
    first = [[pair[0] for pair in group] for group in pairs]
    states = [StateId(section_of(each)) for each in founding]
    for number in range(FOUNDING, SECTIONS):
        states.append(StateId(begin(number, first, states)))
    invites: list[Invite] = []
    joined = []
    for number in range(members - SECTIONS * STEWARDS):
        if number % USES == 0:
            at = number // USES % SECTIONS
            secret, by = digest(b"invite %d" % number)[:16], first[at][0]
            invites.append(Invite(by.grant(states[at], secret, USES).id, secret, by.id))
        citizen = Citizen(f"member {number}")
        joined.append(tuple(citizen.device(network, name) for name in DEVICES))
        joined[-1][0].claim(*invites[-1])
    everybody = [pair for group in pairs for pair in group] + joined
    devices = {device.id: device for pair in everybody for device in pair}
    return Sample(charter, network, first, states, joined, devices, invites)


def begin(number: int, stewards: Sequence[Sequence[Device]], states: Sequence[StateId]) -> SectionId:
    """A further section, invited by one founding section and endorsed by two."""
    one, other = number % FOUNDING, (number + 1) % FOUNDING
    inviting, founder = stewards[one][0], stewards[number][0]
    secret = digest(b"section %d" % number)[:16]
    grant = inviting.grant(states[one], secret, purpose=FOR_SECTIONS)
    signed = inception(
        f"section {number}", [each.citizen for each in stewards[number]], None, founder.network
    )
    founder.begin(signed)
    founder.claim(grant.id, secret, inviting.id)
    section = section_of(signed, founder.network)
    for at in (one, other):
        entry = stewards[at][0].endorse(states[at], section)
        stewards[at][1].consent(act_of(entry, founder.network))
    return section


def build(charter: Charter, network: NetworkId, logs: Sequence[Sequence[Piece]]) -> Roster:
    """A roster from bytes; says how each device stands."""
    roster = Roster(charter)
    authors = []
    for log in logs:
        entries = [parse(*each) for each in log]
        for entry in entries:
            entry.check_signature(network)
        roster.add(entries)
        authors.append(entries[0].author)
    standings = list(map(roster.standing, authors))
    assert standings.count(Standing.MEMBER) == len(logs)
    return roster


def record(work: Callable[[], object]) -> list[Signed]:
    """The signatures that are checked in some work."""
    signed: list[Signed] = []
    real = store.crypto._open

    def keep(signed_message: bytes, pk: bytes) -> bytes:
        signed.append((signed_message, pk))
        return real(signed_message, pk)

    with mock.patch.object(store.crypto, "_open", keep):
        work()
    return signed


def verify_alone(signed: Sequence[Signed]) -> float:
    """Seconds to verify signatures and do nothing else."""
    check = nacl.bindings.crypto_sign_open
    begun = time.perf_counter()
    for message, key in signed:
        check(message, key)
    return time.perf_counter() - begun


def median_us(work: Sequence[Callable[[], object]]) -> float:
    """Median time of different calls."""
    taken = []
    for each in work:
        begun = time.perf_counter()
        each()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1e6


def measure_building(sample: Sample) -> tuple[Roster, dict[str, float]]:
    """From the bytes of all entries to all answers."""
    logs = [[(each.header, each.signature, each.body) for each in one.log] for one in sample.devices.values()]
    tracemalloc.start()
    kept: list[Roster] = []
    signed = record(lambda: kept.append(build(sample.charter, sample.network, logs)))
    memory_mb = tracemalloc.get_traced_memory()[0] / 2**20 - sum(map(len, (m for m, _ in signed))) / 2**20
    tracemalloc.stop()
    kept.clear()
    gc.collect()
    before = verify_alone(signed)
    begun = time.perf_counter()
    roster = build(sample.charter, sample.network, logs)
    build_s = time.perf_counter() - begun
    verify_s = (before + verify_alone(signed)) / 2
    print(f"{sum(map(len, logs)):,} entries of {len(logs):,} devices, {len(signed):,} signatures")
    return roster, {
        "roster_build_s": round(build_s, 2),
        "verify_s": round(verify_s, 2),
        "build_ratio": round(build_s / verify_s, 2),
        "memory_mb": round(memory_mb),
    }


def measure_passports(sample: Sample, roster: Roster) -> dict[str, float]:
    """Passports of members whom the roster does not know."""
    chosen = sample.members[:: max(1, len(sample.members) // PASSPORTS)][:PASSPORTS]
    entries = {entry.id: entry for pair in chosen for device in pair for entry in device.log}
    certificates = {device.id: device.certificate for pair in chosen for device in pair}
    shown = [
        (passport.make(roster, device.id, certificates.__getitem__, entries.__getitem__), device.id)
        for pair in chosen
        for device in pair
    ]
    for pair in chosen:
        for device in pair:
            roster.drop(device.id, 1)
    roster.members(), roster.grants()  # as of a node that has run for a while
    signed = record(lambda: passport.check(shown[0][0], roster, shown[0][1]))
    single = [lambda: nacl.bindings.crypto_sign_open(*signed[0])] * 1_000
    before = median_us(single)
    taken = []
    for number, (data, author) in enumerate(shown):
        joining = Citizen(f"walk-in {number}").device(sample.network)
        joining.claim(*sample.invites[-1 - number // WALK_INS])
        roster.add(joining.log)  # what the check before has computed about the whole is of no use any more
        roster.standing(joining.id)
        taken.append(median_us([partial(passport.check, data, roster, author)]))
    check_us = statistics.median(taken)
    verify_us = (before + median_us(single)) / 2
    for pair in chosen:
        for device in pair:
            roster.add(device.log)
    return {
        "admit_check_us": round(check_us, 1),
        "verify_us": round(verify_us, 1),
        "check_ratio": round(check_us / verify_us, 2),
        "passport_bytes": max(len(data) for data, _ in shown),
    }


def measure_changes(sample: Sample, roster: Roster) -> dict[str, float]:
    """One more member at a time, and one more word of a steward."""
    by, state = sample.stewards[0][0], sample.states[0]
    secret = digest(b"late")[:16]
    late = Invite(by.grant(state, secret, USES).id, secret, by.id)
    joining = [Citizen(f"late {number}").device(sample.network) for number in range(JOINING)]
    for number, device in enumerate(joining):
        device.claim(*(late if number % 2 else sample.invites[number % len(sample.invites)]))
    roster.add(by.log[-1:])

    def join(log: list[Entry]) -> None:
        roster.add(log)
        roster.standing(log[0].author)

    joined_us = median_us([partial(join, device.log) for device in joining])
    entry = by.endorse(state, SectionId(digest(b"nobody")))
    roster.add([entry])
    begun = time.perf_counter()
    roster.standing(by.id)
    changed_ms = (time.perf_counter() - begun) * 1e3
    begun = time.perf_counter()
    roster.digest()
    told_ms = (time.perf_counter() - begun) * 1e3
    return {"joined_us": round(joined_us), "changed_ms": round(changed_ms, 1), "told_ms": round(told_ms)}


def main() -> None:
    """Measure and print."""
    sample = make_sample(int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS)
    roster, figures = measure_building(sample)
    figures |= measure_passports(sample, roster)
    figures |= measure_changes(sample, roster)
    for name, value in figures.items():
        print(f"{name:<16} {value:>10}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
