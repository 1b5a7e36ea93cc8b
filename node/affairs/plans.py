"""What a steward wants, as the statements that say so. Decides and composes; writes nothing, asks nobody.

Each plan looks at a census and gives the bodies of entries for the steward's `id` log, or says why that
cannot be. Acts need the consent of several: whoever comes first writes the act itself, the others consent.

A steward's node never signs two changes of one state of a section, unless the later one says that it takes
the place of the earlier: two complete ones would be rivals, and stop the section.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from node.affairs.census import Census
from node.errors import Ambiguous, BadData, Conflict, Missing, NodeError, Refused
from node.federation import limits
from node.federation.bare import act_id
from node.federation.cuts import Cut
from node.federation.names import ActId, InvalidStatement, RootId, SectionId, StateId
from node.federation.statements import (
    Change,
    Grant,
    compose_admission,
    compose_consent,
    compose_end,
    compose_endorsement,
    compose_grant,
    compose_replacement,
    compose_settlement,
)
from node.federation.views import ActState, Member, Section
from node.naming import Names
from node.quoting import quoted
from store.entry import MAX_ID_BODY_BYTES
from store.errors import TooLarge
from store.ids import AuthorId, EntryId, NetworkId, NotAnId, from_text, prefix_range, short

_LISTED: Final = 5


class Steward(NamedTuple):
    """Who acts, and what he sees."""

    member: RootId
    census: Census
    names: Names
    """Of members."""
    titles: Names
    """Of sections."""
    network: NetworkId
    salt: Callable[[], bytes]
    """Gives 16 random bytes at each call."""


class Plan(NamedTuple):
    """What is to be written, and which acts are then to be shown."""

    bodies: tuple[bytes, ...]
    acts: tuple[ActId, ...] = ()


# --- which section ----------------------------------------------------------------------------------


def find_section(census: Census, titles: Names, text: str) -> Section:
    """The section that a name, an id or the beginning of one stands for. Raises: Missing, Ambiguous."""
    try:
        found = titles.find_bearer(text, census.sections, {})
    except Missing as error:
        raise Missing(f"There is no section {quoted(text)} here.", "See: aster section list") from error
    return census.sections[SectionId(found)]


def section_of(steward: Steward, text: str | None) -> Section:
    """The section for which a steward acts: the one named, else the only one that he is steward of.

    Raises:
        Refused: he is steward of none, or not of that one.
        Ambiguous, Missing: as they say.
    """
    census, titles = steward.census, steward.titles
    own = census.stewarded(steward.member)
    if text is not None:
        section = find_section(census, titles, text)
        if section.id not in {each.id for each in own}:
            listed = ", ".join(map(steward.names.of_bearer, census.stewards(section)[:_LISTED]))
            raise Refused(
                f"You are no steward of {titles.of_bearer(section.id)}.",
                f"Ask one of its stewards: {listed}.",
            )
        return section
    if not own:
        raise Refused(
            "Only the steward of a section can do that, and you are none.", "See: aster section list"
        )
    if len(own) > 1:
        listed = ", ".join(titles.of_bearer(section.id) for section in own)
        raise Ambiguous(f"You are a steward of several sections: {listed}.", "Say for which: --section NAME")
    return own[0]


def valid_section_of(steward: Steward, text: str | None) -> Section:
    """As `section_of`; the section is in. Raises: as `section_of`; Refused: it waits for endorsements."""
    section = section_of(steward, text)
    if not section.valid:
        raise Refused(
            f"{steward.titles.of_bearer(section.id)} is not in yet: it has {len(section.endorsed_by)} of"
            f" {steward.census.needed} endorsements.",
            "Ask a steward of another section: aster section endorse NAME",
        )
    return section


# --- consenting -------------------------------------------------------------------------------------


def find_by_id(ids: Iterable[bytes], text: str, noun: str, see: str) -> bytes:
    """The one of these ids that a text is or begins. `noun`: what they are of; `see`: what lists them.

    Raises: BadData, Missing, Ambiguous.
    """
    try:
        low, high = prefix_range(text.strip())
    except NotAnId as error:
        raise BadData(f"{quoted(text)} is no id: {error}.", f"Copy it from: {see}") from error
    found = sorted(each for each in ids if low <= each <= high)
    if not found:
        raise Missing(f"There is no {noun} {quoted(text)} here.", f"It may not have arrived yet. See: {see}")
    if len(found) > 1:
        listed = ", ".join(map(short, found[:_LISTED]))
        raise Ambiguous(f"Several begin with {quoted(text)}: {listed}.", "Type more of the id.")
    return found[0]


def find_act(acts: Sequence[ActState], text: str) -> ActState:
    """The act that an id or its beginning stands for. Raises: BadData, Missing, Ambiguous."""
    found = find_by_id((act.act for act in acts), text, "act", "aster steward pending")
    return next(act for act in acts if act.act == found)


def consent(steward: Steward, act: ActState) -> Plan:
    """Consent to an act that another steward wrote down; nothing is written where that makes no difference.

    Raises:
        Refused: he is no steward of that section.
        Conflict: it was made for an earlier state of the section, or he has signed another change of it.
    """
    if act.complete or has_consented(steward.census, act, steward.member):
        return Plan((), (act.act,))
    section = steward.census.sections.get(act.section)
    if section is None or steward.member not in steward.census.stewards(section):
        raise Refused("Only the stewards of its section can consent to it.", "See: aster steward pending")
    if state_of(act) != section.state:
        raise Conflict(
            f"{steward.titles.of_bearer(section.id)} has changed since this was proposed.",
            "Propose it again.",
        )
    if isinstance(act.statement, Change):
        named = {ActId(parent) for parent in act.statement.parents}
        others = [each.act for each in signed_changes(steward, section) if each.act not in named]
        if others:
            raise conflict(steward, section._replace(rivals=()), others)
    return Plan((compose_consent(steward.salt(), act.act),), (act.act,))


def has_consented(census: Census, act: ActState, member: RootId) -> bool:
    """Has a member consented to an act?"""
    return member in {census.member_of_root(root) for root in act.consents}


def state_of(act: ActState) -> StateId:
    """The state of its section for which an act was made."""
    return act.statement.parents[0] if isinstance(act.statement, Change) else act.statement.state


def propose(steward: Steward, body: bytes) -> Plan:
    """Write an act, or consent to it where another steward wrote it already."""
    act = act_id(steward.network, body)
    known = next((each for each in steward.census.acts if each.act == act), None)
    return Plan((body,), (act,)) if known is None else consent(steward, known)


def signed_changes(steward: Steward, section: Section) -> list[ActState]:
    """Changes of a section's present state to which a steward has consented."""
    return [
        act
        for act in steward.census.acts
        if isinstance(act.statement, Change)
        and act.statement.parents[0] == section.state
        and has_consented(steward.census, act, steward.member)
    ]


def limiting(steward: Steward, section: Section, device: AuthorId) -> ActState | None:
    """A change that waits and, once it is complete, leaves what a device says from now on no effect."""
    for act in steward.census.acts:
        waits = not act.complete and state_of(act) == section.state
        if waits and isinstance(act.statement, Change) and device in dict(act.statement.ends):
            return act
    return None


def conflict(steward: Steward, section: Section, others: Sequence[ActId]) -> Conflict:
    """What a steward is told who would sign a second change of one state."""
    title = steward.titles.of_bearer(section.id)
    listed = ", ".join(map(short, others))
    if section.rivals:
        return Conflict(
            f"{title} has {len(section.rivals)} rival changes ({listed}), none of which counts until its"
            " stewards choose.",
            "Look at them with: aster section show. What you ask for takes their place with --choose.",
        )
    return Conflict(
        f"You have signed another change of {title} already ({listed}); two complete ones would be rivals.",
        "Let the others consent to it. Or one of you makes a change anew with --choose: it takes the place of"
        " all that wait, and the others consent to that one.",
    )


# --- other acts and words ---------------------------------------------------------------------------


def endorse(steward: Steward, section: Section, new: Section) -> Plan:
    """Endorse a new section for one's own. Raises: Conflict: it is in already; Refused: as `consent`."""
    if new.valid:
        raise Conflict(f"{steward.titles.of_bearer(new.id)} is in already.", "See: aster section list")
    return propose(steward, compose_endorsement(steward.salt(), section.state, new.id))


def grant(steward: Steward, section: Section, key: bytes, uses: int, expires_ms: int, purpose: int) -> Plan:
    """Let whoever holds an invite key (32 bytes) bring in so many. Raises: BadData: too many uses."""
    made = Grant(section.state, key, uses, expires_ms, purpose)
    return Plan((composed(lambda: compose_grant(steward.salt(), made)),))


def settle(steward: Steward, section: Section, settled: EntryId, roots: Sequence[RootId | SectionId]) -> Plan:
    """Close an invite: these are in, nobody else."""
    return Plan((compose_settlement(steward.salt(), section.state, settled, roots),))


def admit(steward: Steward, section: Section, root: RootId) -> Plan:
    """Admit a member. Raises: Conflict: he is in that section already."""
    member = steward.census.members.get(steward.census.member_of_root(root))
    if member is not None and section.id in member.sections:
        name, title = steward.names.of_bearer(member.id), steward.titles.of_bearer(section.id)
        raise Conflict(f"{name} is a member of {title} already.", "See: aster whois")
    return Plan((compose_admission(steward.salt(), section.state, root),))


def end(steward: Steward, section: Section, member: Member, cuts: Sequence[Cut]) -> Plan:
    """End a membership; in several acts where the cuts do not fit into one. Raises: Conflict, Refused."""
    title, name = steward.titles.of_bearer(section.id), steward.names.of_bearer(member.id)
    if section.id not in member.sections:
        raise Conflict(f"{name} is no member of {title}.", "See: aster whois")
    if member.id in steward.census.stewards(section):
        raise Conflict(f"{name} is a steward of {title}.", f"First: aster steward retire {name}")
    plans: list[Plan] = []
    left = list(cuts)
    while left or not plans:
        count = next(
            count
            for count in range(min(len(left), limits.MAX_CUTS), -1, -1)
            if _fits(compose_end(bytes(16), section.state, member.root, left[:count])) or count == 1
        )
        plans.append(propose(steward, compose_end(steward.salt(), section.state, member.root, left[:count])))
        left = left[count:]
    return Plan(
        tuple(body for plan in plans for body in plan.bodies),
        tuple(act for plan in plans for act in plan.acts),
    )


class Replacing(NamedTuple):
    """A replacement, and the devices whose cuts did not fit into it."""

    plan: Plan
    left_out: tuple[AuthorId, ...]


def replace(
    steward: Steward, section: Section, member: Member, new_root: RootId, cuts: Sequence[Cut]
) -> Replacing:
    """Give a member a new root. `cuts`: the most important first; those that do not fit are left out.

    Raises:
        Conflict: he is no member of that section, or the new root is somebody's.
        Refused: he did not come to that section by himself, so it cannot move him.
    """
    title, name = steward.titles.of_bearer(section.id), steward.names.of_bearer(member.id)
    if section.id not in member.sections:
        raise Conflict(f"{name} is no member of {title}.", "A section that he belongs to can do it.")
    if not _came(steward.census, section, member):
        raise Refused(
            f"{name} was admitted to {title} by a steward, and did not come by an invite:"
            " what a section gives it can end, but it cannot move somebody whom others admitted.",
            f"End the membership (aster member end {name}), and admit the new root: aster member admit ROOT",
        )
    owner = steward.census.roots.get(new_root)
    if owner is not None:
        raise Conflict(f"That root belongs to {steward.names.of_bearer(owner)}.", "Make a new phrase.")
    kept: list[Cut] = []
    for cut in cuts[: limits.MAX_CUTS]:
        if _fits(compose_replacement(bytes(16), section.state, member.root, new_root, [*kept, cut])):
            kept.append(cut)
    body = compose_replacement(steward.salt(), section.state, member.root, new_root, kept)
    left_out = tuple(cut.device for cut in cuts if cut not in kept)
    return Replacing(propose(steward, body), left_out)


def _came(census: Census, section: Section, member: Member) -> bool:
    """Did a member come to a section by himself: with an invite, or as one who began it?"""
    invited = (
        claim.root in member.roots and claim.stands
        for grant in census.grants.values()
        if grant.section == section.id
        for claim in grant.claims
    )
    return any(invited) or any(device.id in census.supporters for device in member.devices)


def read_root(text: str) -> RootId:
    """A root by its whole id. Raises: BadData."""
    try:
        return RootId(from_text(text.strip()))
    except NotAnId as error:
        raise BadData(
            f"{quoted(text)} is no id of a member: {error}.",
            "It has 52 characters; copy it from the other machine.",
        ) from error


def _fits(body: bytes) -> bool:
    return len(body) <= MAX_ID_BODY_BYTES


def composed(compose: Callable[[], bytes]) -> bytes:
    """Compose a body. Raises: BadData: it breaks a rule."""
    try:
        return compose()
    except InvalidStatement as error:
        raise broken_rule(error) from error
    except TooLarge as error:
        raise BadData(f"That does not fit into one statement: {error}.", "Change less at a time.") from error


def broken_rule(error: InvalidStatement) -> NodeError:
    """What a person is told of a rule that a statement would break."""
    text = str(error)
    return BadData(f"{text[:1].upper()}{text[1:]}.", "Correct what you gave.")
