"""Rosters that a reader of `docs/protocol/federation.md` must compute, for federation-accept.json.

Each case is a charter and a set of `id` logs, and what follows from them in whatever order they come.
"""

from collections.abc import Iterator

from entry_pieces import Case
from federation_pieces import case, logs

from node.federation.limits import MAX_DEVICES
from node.federation.names import ActId, StateId
from node.federation.roster import Roster
from node.federation.statements import FOR_SECTIONS
from node.testing.citizens import Citizen, Device
from node.testing.federations import Federation, cut_at, terms_of
from store.ids import LOG_FEED, LOG_ID
from store.log import LogId

LOGS_SHOWN = (LOG_ID, LOG_FEED)


def shown(name: str, federation: Federation) -> Case:
    """A case: who belongs, and which of his logs are good up to where."""
    roster = federation.roster()
    devices = [
        {
            "device": device.id,
            "standing": roster.standing(device.id).name.lower(),
            "member": roster.member_of(device.id),
            "good": [roster.last_good(LogId(device.id, log)) for log in LOGS_SHOWN],
        }
        for device in federation.devices.values()
    ]
    members = [
        {"id": member.id, "root": member.root, "sections": member.sections, "left": member.left}
        for member in roster.members()
    ]
    sections = [
        {"id": each.id, "state": each.state, "valid": each.valid, "rivals": each.rivals, "terms": each.terms}
        for each in roster.sections()
    ]
    return case(
        "roster",
        name,
        charter=federation.charter.encode(),
        logs=logs(federation.devices.values()),
        devices=devices,
        members=members,
        sections=sections,
        grants=grants_of(roster),
    )


def grants_of(roster: Roster) -> list[Case]:
    """Grants with the claims that stand."""
    return [
        {
            "entry": grant.entry,
            "counts": grant.counts,
            "standing": [claim.entry for claim in grant.claims if claim.stands],
        }
        for grant in roster.grants()
    ]


def admitted() -> Iterator[Case]:
    """Stewards, claims, admissions, settlements."""
    federation = Federation()
    [[steward]] = federation.stewards
    invite = federation.invite(steward)
    joined = federation.join("bob", invite)
    federation.device(joined.citizen, "phone")
    late = federation.join("carol", invite)
    stranger = federation.newcomer("dave")
    stranger.claim(invite.grant, bytes(16), invite.hub)
    helper = federation.newcomer("erin")
    helper.claim(invite.grant, invite.secret, invite.hub)
    steward.admit(federation.state(), helper.citizen.root)
    yield shown("claims stand while nobody settles them, and not without the invite", federation)
    steward.settle(federation.state(), invite.grant, [joined.citizen.root])
    yield shown("a settlement names who stands", federation)
    steward.settle(federation.state(), invite.grant, [late.citizen.root])
    yield shown("what any settlement lists stands", federation)


def cut() -> Iterator[Case]:
    """Devices that a root cuts, and one too many."""
    federation = Federation()
    [[steward]] = federation.stewards
    lost, found = (federation.device(Citizen("bob"), name) for name in ("lost", "found"))
    steward.admit(federation.state(), lost.citizen.root)
    found.cut(cut_at(lost, 1, [(LOG_FEED, 7)]))
    yield shown("a lost device ends where its root says", federation)
    found.cut(cut_at(lost, 1, [(LOG_FEED, 5)]))
    yield shown("of two cuts the smaller seq counts", federation)
    other = federation.device(Citizen("carol"))
    other.cut(cut_at(found, 1))
    yield shown("nobody cuts another one's device", federation)
    crowd = Federation()
    [[steward]] = crowd.stewards
    devices = [crowd.device(Citizen("bob"), f"device {number}") for number in range(MAX_DEVICES + 1)]
    steward.admit(crowd.state(), devices[0].citizen.root)
    yield shown("of seventeen devices the last one does not count", crowd)


def changed() -> Iterator[Case]:
    """Chains: thresholds, rivals, a choice, a retired steward."""
    federation = Federation(stewards=3)
    one, two, three = federation.stewards[0]
    state = federation.state()
    everybody = (one, two, three)
    first = one.change([state], terms_of(everybody, name="first"))
    yield shown("one of three stewards changes nothing", federation)
    two.consent(federation.act(first))
    yield shown("two of three stewards change their section", federation)
    second = three.change([state], terms_of(everybody, name="second"))
    two.consent(federation.act(second))
    yield shown("two rival changes stop the chain", federation)
    rivals = [federation.act(each) for each in (first, second)]
    choice = one.change([state, *map(StateId, sorted(rivals))], terms_of((one, two), name="choice"))
    three.consent(federation.act(choice))
    yield shown("a change that names both rivals goes on from the state before them", federation)
    _admit_by(federation, three, federation.act(choice))
    yield shown("the word of a retired steward counts for nothing", federation)


def _admit_by(federation: Federation, device: Device, state: ActId) -> None:
    device.admit(StateId(state), federation.newcomer("frank").citizen.root)
    device.admit(federation.state(), federation.newcomer("grace").citizen.root)


def endorsed() -> Iterator[Case]:
    """New sections: waiting, endorsed, and what they do once they are in."""
    federation = Federation(sections=2, endorsements=2)
    [[one], [two]] = federation.stewards
    invite = federation.invite(one, purpose=FOR_SECTIONS)
    founder = federation.newcomer("bob")
    section = federation.begin("Berlin", [founder], invite)
    guest = federation.newcomer("carol")
    founder.admit(StateId(section), guest.citizen.root)
    yield shown("a section that nobody endorsed waits", federation)
    one.endorse(federation.state(0), section)
    yield shown("one endorsement of two is not enough", federation)
    two.endorse(federation.state(1), section)
    yield shown("a section that is endorsed admits members", federation)


def ended() -> Iterator[Case]:
    """Ends of memberships and replacements of roots."""
    federation = Federation(sections=2)
    [[one], [two]] = federation.stewards
    bob = federation.join("bob", federation.invite(one))
    two.admit(federation.state(1), bob.citizen.root)
    ending = cut_at(bob, ends=[(LOG_FEED, 3)])
    one.end(federation.state(0), bob.citizen.root, [ending])
    yield shown("who is left in another section stays a member", federation)
    two.end(federation.state(1), bob.citizen.root, [ending])
    yield shown("whom all his sections left is a former member", federation)
    replaced = Federation()
    [[steward]] = replaced.stewards
    leaked = replaced.join("bob", replaced.invite(steward))
    new = replaced.newcomer("new bob")
    ending = cut_at(leaked, ends=[(LOG_FEED, 3)])
    steward.replace(replaced.state(), leaked.citizen.root, new.citizen.root, [ending])
    leaked.cut(cut_at(new, 0))
    yield shown("a new root goes on as the same member", replaced)


def cases() -> list[Case]:
    """All of them."""
    return [each for maker in (admitted, cut, changed, endorsed, ended) for each in maker()]
