"""Sections, acts, invites and members as doors hand them out: values ready for JSON. Pure.

A member is ``{"member": id, "name": shown name}`` wherever one is mentioned.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from gossip.proto.interest import Interest
from node.affairs.census import Census
from node.federation.inception import Terms
from node.federation.names import RootId, SectionId
from node.federation.statements import FOR_MEMBERS, Change, End, Endorsement, Replacement
from node.federation.views import ActState, ClaimState, Device, GrantState, Member, Section, Standing
from node.naming import Names
from store.ids import AuthorId, log_name, short, to_text

Json = dict[str, Any]

KINDS: Final[Mapping[type, str]] = {
    Change: "change",
    Endorsement: "endorsement",
    End: "end",
    Replacement: "replacement",
}


class View(NamedTuple):
    """What is looked at, and by whom."""

    census: Census
    names: Names
    """Of members."""
    titles: Names
    """Of sections."""
    me: RootId | None
    """The member whose home this is; None where this device is nobody's yet."""
    now_ms: int

    def person(self, root: RootId) -> Json:
        """A member by any of his roots."""
        member = self.census.member_of_root(root)
        return {"member": to_text(member), "name": self.names.of_bearer(member)}

    def title(self, section: SectionId) -> str:
        """The shown name of a section."""
        return self.titles.of_bearer(section)


def titles_of(census: Census) -> Names:
    """The names of sections, those that look alike marked."""
    published: dict[bytes, str] = {section.id: section.terms.name for section in census.sections.values()}
    return Names({}, published)


# --- sections ---------------------------------------------------------------------------------------


def show_section(view: View, section: Section) -> Json:
    """A section as it stands."""
    census = view.census
    stewards = census.stewards(section)
    me = None if view.me is None else census.members.get(view.me)
    return {
        "id": to_text(section.id),
        "name": view.title(section.id),
        "valid": section.valid,
        "founding": section.founding,
        "territory": section.terms.territory,
        "languages": list(section.terms.languages),
        "stewards": [view.person(root) for root in stewards],
        "threshold": section.terms.threshold,
        "members": section.members,
        "since_ms": section.since_ms,
        "endorsed_by": [{"id": to_text(each), "name": view.title(each)} for each in section.endorsed_by],
        "needed": census.needed,
        "rivals": [to_text(act) for act in section.rivals],
        "own": me is not None and section.id in me.sections,
        "steward": view.me in stewards,
    }


# --- acts -------------------------------------------------------------------------------------------


def show_act(view: View, act: ActState, before: Census | None = None) -> Json:
    """An act, with who has consented to it and what it does; to what there is, or was `before`."""
    consents = list(dict.fromkeys(map(view.census.member_of_root, act.consents)))
    return {
        "id": to_text(act.act),
        "kind": KINDS[type(act.statement)],
        "section": to_text(act.section),
        "section_name": view.title(act.section),
        "what": _what(view, act, view.census if before is None else before),
        "consents": [view.person(root) for root in consents],
        "needed": act.needed,
        "complete": act.complete,
        "effective": act.effective,
        "proposed_by": view.names.of(act.proposed_by),
        "since_ms": act.since_ms,
        "yours": view.me in consents,
    }


def _what(view: View, act: ActState, census: Census) -> str:
    match act.statement:
        case Change():
            section = census.sections.get(act.section)
            return _changed(view, None if section is None else section.terms, act.statement.terms)
        case Endorsement(_, _, section_id):
            return f"endorses {view.title(section_id)}"
        case End(_, _, root, cuts):
            return f"ends the membership of {_called(view, root)}{_devices(len(cuts))}"
        case Replacement(_, _, old, new, cuts):
            return f"gives {_called(view, old)} the root {short(new)}{_devices(len(cuts))}"


def _called(view: View, root: RootId) -> str:
    return str(view.person(root)["name"])


def _devices(count: int) -> str:
    return f", and cuts {count} device{'' if count == 1 else 's'}" if count else ""


def _changed(view: View, now: Terms | None, then: Terms) -> str:
    """How a section would differ from what it is."""
    if now is None:
        return f"is called {then.name}"
    parts = [f"adds {_called(view, root)}" for root in then.stewards if root not in now.stewards]
    parts += [f"retires {_called(view, root)}" for root in now.stewards if root not in then.stewards]
    if then.threshold != now.threshold or then.stewards != now.stewards:
        parts.append(f"{then.threshold} of {len(then.stewards)} stewards act together")
    if then.name != now.name:
        parts.append(f"is called {then.name}")
    if then.territory != now.territory:
        parts.append(f"territory {then.territory or 'none'}")
    if then.languages != now.languages:
        parts.append(f"languages {', '.join(then.languages) or 'none'}")
    return "; ".join(parts) or "is in force"


# --- invites ----------------------------------------------------------------------------------------


def show_invite(view: View, grant: GrantState) -> Json:
    """An invite: what it allows, who used it, and how it stands."""
    terms = grant.grant
    return {
        "id": to_text(grant.entry),
        "section": to_text(grant.section),
        "section_name": view.title(grant.section),
        "for": "members" if terms.purpose == FOR_MEMBERS else "sections",
        "by": view.person(grant.by),
        "device": to_text(grant.granted_by),
        "uses": terms.uses,
        "used": grant.used,
        "expires_ms": terms.expires_ms,
        "state": state_of_invite(grant, view.now_ms),
        "claims": [_show_claim(view, claim) for claim in _once(grant.claims)],
    }


def state_of_invite(grant: GrantState, now_ms: int) -> str:
    """In one word: void, revoked, settled, over-used, expired, used-up or open."""
    if not grant.counts:
        return "void"
    if grant.settled is not None:
        is_early = now_ms < grant.grant.expires_ms and len(grant.settled) < grant.grant.uses
        return "revoked" if is_early else "settled"
    if grant.over_used:
        return "over-used"
    if now_ms >= grant.grant.expires_ms:
        return "expired"
    return "used-up" if grant.used >= grant.grant.uses else "open"


def _once(claims: Iterable[ClaimState]) -> list[ClaimState]:
    """Of several claims of one member, or for one section, the one that stands, else the first."""
    found: dict[bytes, ClaimState] = {}
    for claim in claims:
        who = claim.section or claim.root
        if who not in found or (claim.stands and not found[who].stands):
            found[who] = claim
    return list(found.values())


def _show_claim(view: View, claim: ClaimState) -> Json:
    return {
        **view.person(claim.root),
        "device": to_text(claim.device),
        "time_ms": claim.time_ms,
        "brought": None if claim.section is None else view.title(claim.section),
        "stands": claim.stands,
        "late": claim.late,
    }


# --- members ----------------------------------------------------------------------------------------


def show_member(view: View, member: Member, section: SectionId | None = None) -> Json:
    """A member in short; with `section` as one of its members."""
    stewarded = view.census.offices.get(member.id, ())
    return {
        **view.person(member.id),
        "short": short(member.id),
        "steward": bool(stewarded) if section is None else section in stewarded,
        "since_ms": member.since_ms,
        "devices": sum(1 for device in member.devices if device.standing is Standing.MEMBER),
    }


class Held(NamedTuple):
    """What this node knows of devices besides the roster."""

    own: AuthorId
    connected: Collection[AuthorId] = ()
    hubs: Mapping[AuthorId, str] = {}
    """Devices that are hubs, as far as known, with an address of each."""
    synced_ms: Mapping[AuthorId, int] = {}
    """When a complete sync with a device ended last, Unix time."""
    interests: Mapping[AuthorId, Interest] = {}
    """What devices said that they carry."""


def show_device(view: View, device: Device, held: Held) -> Json:
    """A device of a member."""
    return {
        "device": to_text(device.id),
        "name": device.name,
        "member": to_text(device.member),
        "member_name": view.names.of_bearer(device.member),
        "this": device.id == held.own,
        "standing": device.standing.name.lower(),
        "since_ms": device.since_ms,
        "connected": device.id in held.connected,
        "hub": device.id in held.hubs,
        "ends": _ends(device),
    }


def _ends(device: Device) -> Json | None:
    if device.ends is None:
        return None
    return {log_name(log): seq for log, seq in sorted(dict(device.ends).items()) if seq}


def show_hubs(view: View, section: SectionId, held: Held) -> list[Json]:
    """The hubs of a section's members that are known, those connected first."""
    found = []
    for device, address in held.hubs.items():
        member = view.census.member(device)
        if member is not None and section in member.sections:
            found.append(
                {
                    "device": to_text(device),
                    "name": view.names.of(device),
                    "address": address,
                    "connected": device in held.connected,
                }
            )
    return sorted(found, key=lambda hub: (not hub["connected"], hub["name"], hub["device"]))


def show_carriers(view: View, section: SectionId, held: Held) -> Json:
    """Which hubs that are known carry the logs of a section, and which said that they do not."""
    said: dict[bool, list[Json]] = {True: [], False: []}
    for device in sorted(held.hubs):
        interest = held.interests.get(device)
        if interest is not None:
            carries = interest.sections is None or section in interest.sections
            said[carries].append({"device": to_text(device), "name": view.names.of(device)})
    return {"carried_by": said[True], "declined_by": said[False]}


def claims_of(grants: Iterable[GrantState], roots: Collection[RootId]) -> list[tuple[GrantState, ClaimState]]:
    """The invites with which one of these roots came in, and how it used them."""
    return [
        (grant, claim)
        for grant in grants
        for claim in grant.claims
        if claim.root in roots and claim.stands and claim.section is None
    ]
