"""Changes of a section: what it is called, where it is, and who its stewards are. Decides; writes nothing.

A change has all of what the section is to be. One without a wanted threshold keeps the one that is, or the
nearest that the number of stewards allows.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from node.affairs.plans import (
    Plan,
    Steward,
    composed,
    conflict,
    consent,
    propose,
    signed_changes,
    state_of,
)
from node.errors import BadData, Conflict, Refused
from node.federation import limits
from node.federation.inception import Terms
from node.federation.names import ActId, RootId, StateId
from node.federation.statements import Change, compose_change
from node.federation.views import ActState, Member, Section
from store.ids import AuthorId

Held: TypeAlias = Callable[[AuthorId], int]
"""The last seq that is held of a device's `id` log; 0: none."""


class Wanted(NamedTuple):
    """What a change makes other than it is; None: as it is."""

    name: str | None = None
    territory: str | None = None
    languages: tuple[str, ...] | None = None
    stewards: frozenset[RootId] | None = None
    threshold: int | None = None


def change(steward: Steward, section: Section, wanted: Wanted, held: Held, *, choose: bool = False) -> Plan:
    """Change a section. Without a wanted threshold it stays, or goes to the nearest one that is allowed.

    Raises:
        BadData: it breaks a rule; a threshold cannot be met.
        Conflict: there are rivals, or he has signed another change of the same state, and does not choose.
    """
    terms = _terms(section, wanted)
    if terms == section.terms:
        raise BadData(
            f"{steward.titles.of_bearer(section.id)} is like that already.",
            "Say what shall become different.",
        )
    others = _open(steward, section) if choose else _signed_or_rival(steward, section)
    same = _proposed(steward, section, terms)
    is_free = same is not None and (others in ([], [same.act]) or (same.act in others and not choose))
    if same is not None and is_free and not section.rivals:
        return consent(steward, same)
    if others and not choose:
        raise conflict(steward, section, others)
    if len(others) >= limits.MAX_PARENTS:
        raise Conflict(
            f"There are {len(others)} changes to choose from; one names at most {limits.MAX_PARENTS - 1}.",
            "Let the other stewards make the change.",
        )
    parents = [section.state, *map(StateId, others)]
    ends = _ends(steward, section, terms, held)
    return propose(steward, composed(lambda: compose_change(steward.salt(), parents, terms, ends)))


def _proposed(steward: Steward, section: Section, terms: Terms) -> ActState | None:
    """A change of a section's present state, by whomever, that makes the same of it."""
    for act in steward.census.acts:
        change = act.statement
        if isinstance(change, Change) and change.terms == terms and change.parents == (section.state,):
            return act
    return None


def _ends(steward: Steward, section: Section, terms: Terms, held: Held) -> list[tuple[AuthorId, int]]:
    """Where the word of devices for earlier states ends, if somebody goes or more have to agree than before.

    Of retired stewards what is not named counts no longer. Those who stay are named as well: else fewer of
    them could still act together for an earlier state.
    """
    retired = [root for root in section.terms.stewards if root not in terms.stewards]
    if not retired and terms.threshold <= section.terms.threshold:
        return []
    census = steward.census
    found: dict[AuthorId, int] = {}
    for root in (*retired, *section.terms.stewards):
        member = census.members.get(census.member_of_root(root))
        devices = [device.id for device in member.devices] if member is not None else []
        found.update({device: seq for device in devices if (seq := held(device)) > 1})
    return list(found.items())[: limits.MAX_ENDS]


def _terms(section: Section, wanted: Wanted) -> Terms:
    now = section.terms
    stewards = now.stewards if wanted.stewards is None else tuple(sorted(wanted.stewards))
    threshold = wanted.threshold
    if threshold is None:
        threshold = min(max(now.threshold, len(stewards) // 2 + 1), max(1, len(stewards)))
    return Terms(
        now.name if wanted.name is None else wanted.name,
        now.territory if wanted.territory is None else wanted.territory,
        now.languages if wanted.languages is None else wanted.languages,
        stewards,
        threshold,
    )


def _signed_or_rival(steward: Steward, section: Section) -> list[ActId]:
    """Changes of a section's present state that he has signed, or that are complete rivals; by id."""
    return sorted({*section.rivals, *(act.act for act in signed_changes(steward, section))})


def _open(steward: Steward, section: Section) -> list[ActId]:
    """Every change of a section's present state, by whomever, complete or not; by id.

    Who chooses takes the place of all of them: else stewards who proposed at once could consent to nothing.
    """
    acts = steward.census.acts
    changes = {
        act.act for act in acts if isinstance(act.statement, Change) and state_of(act) == section.state
    }
    return sorted(changes | set(section.rivals))


# --- stewards ---------------------------------------------------------------------------------------


def add_steward(
    steward: Steward,
    section: Section,
    new: Member,
    threshold: int | None,
    held: Held,
    *,
    choose: bool = False,
) -> Plan:
    """Make a member of a section its steward. Raises: as `change`; Refused: he is no member of it."""
    title, name = steward.titles.of_bearer(section.id), steward.names.of_bearer(new.id)
    if section.id not in new.sections:
        raise Refused(
            f"{name} is no member of {title}.", f"Admit that member first: aster member admit {name}"
        )
    if new.id in steward.census.stewards(section):
        raise Conflict(f"{name} is a steward of {title} already.", "See: aster steward list")
    stewards = frozenset((*section.terms.stewards, new.root))
    wanted = Wanted(stewards=stewards, threshold=threshold)
    return change(steward, section, wanted, held, choose=choose)


def retire_steward(
    steward: Steward,
    section: Section,
    old: RootId,
    threshold: int | None,
    held: Held,
    *,
    choose: bool = False,
) -> Plan:
    """Retire a steward; what his devices have said up to now stays.

    Raises: as `change`; Conflict: he is none; BadData: he is the last one.
    """
    census = steward.census
    title, name = steward.titles.of_bearer(section.id), steward.names.of_bearer(old)
    if old not in census.stewards(section):
        raise Conflict(f"{name} is no steward of {title}.", "See: aster steward list")
    stewards = frozenset(root for root in section.terms.stewards if census.member_of_root(root) != old)
    if not stewards:
        raise BadData(f"{name} is the last steward of {title}.", "Add another one: aster steward add NAME")
    wanted = Wanted(stewards=stewards, threshold=threshold)
    return change(steward, section, wanted, held, choose=choose)
