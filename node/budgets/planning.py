"""Who takes how much, who is beyond his quota, and by how much. Pure.

A section that is beyond its quota has its largest members brought down to one level, so that those who
write little lose nothing to one who writes much. Our own member is never touched.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from node.budgets.quotas import DELETIONS_SHARE, Quotas
from store.ids import LOG_DELETIONS, LOG_ID, MAX_LOGS_PER_AUTHOR, AuthorId, LogNo
from store.log import LogId
from store.sqlite.holdings import Holding

SLACK: Final = 20
"""Who is beyond his quota is brought down to a twentieth below it, so that not every entry calls for it."""


class Taken(NamedTuple):
    """What somebody takes, in bytes."""

    texts: int = 0
    headers: int = 0
    """Deletions and `id` logs apart."""
    deletions: int = 0
    """Headers and bodies of deletions and receipts, which are never let go."""

    def plus(self, other: "Taken") -> "Taken":
        """Both together."""
        return Taken(*map(sum, zip(self, other, strict=True)))


class Parties(NamedTuple):
    """Who is who."""

    bearer: Callable[[AuthorId], bytes]
    """The member to whom a device belongs; a device of nobody's is itself one."""
    sections: Callable[[bytes], Collection[bytes]]
    """The sections of a member."""
    own: bytes
    """Our own member."""


class Usage(NamedTuple):
    """Who takes how much."""

    members: Mapping[bytes, Taken]
    sections: Mapping[bytes, Taken]


class Plan(NamedTuple):
    """What is to be done."""

    excess: Mapping[bytes, int]
    """Members of whom texts are let go, and how many bytes at least."""
    full: frozenset[bytes]
    """Members of whose logs no more is carried."""
    full_of_deletions: frozenset[bytes]
    """The same of their deletions."""


def usage_of(holdings: Iterable[Holding], parties: Parties) -> Usage:
    """Who takes how much."""
    members: defaultdict[bytes, Taken] = defaultdict(Taken)
    for holding in holdings:
        member = parties.bearer(holding.log_id.author)
        members[member] = members[member].plus(_taken(holding))
    sections: defaultdict[bytes, Taken] = defaultdict(Taken)
    for member, taken in members.items():
        for section in parties.sections(member):
            sections[section] = sections[section].plus(taken)
    return Usage(dict(members), dict(sections))


def _taken(holding: Holding) -> Taken:
    match holding.log_id.log:
        case log if log == LOG_ID:
            return Taken()
        case log if log == LOG_DELETIONS:
            return Taken(0, 0, holding.head_bytes + holding.body_bytes)
        case _:
            return Taken(holding.body_bytes, holding.head_bytes, 0)


def plan_of(usage: Usage, parties: Parties, quotas: Quotas) -> Plan:
    """Who is beyond his quota, and by how much."""
    excess: dict[bytes, int] = {}
    full: set[bytes] = set()
    full_of_deletions: set[bytes] = set()
    others = {member: taken for member, taken in usage.members.items() if member != parties.own}
    for member, taken in others.items():
        allowed = quotas.of_member(member)
        if taken.texts > allowed.texts:
            excess[member] = taken.texts - _brought_down(allowed.texts)
        if taken.headers >= allowed.headers:
            full.add(member)
        if taken.deletions >= allowed.headers // DELETIONS_SHARE:
            full_of_deletions.add(member)
    members_of: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for member in others:
        for section in parties.sections(member):
            members_of[section].append(member)
    for section, members in members_of.items():
        allowed, taken = quotas.of_section(section), usage.sections[section]
        if taken.texts > allowed.texts:
            sizes = {member: others[member].texts - excess.get(member, 0) for member in members}
            for member, more in _levelled(sizes, _brought_down(allowed.texts)).items():
                excess[member] = excess.get(member, 0) + more
        if taken.headers >= allowed.headers:
            share = allowed.headers // len(members)
            full.update(member for member in members if others[member].headers >= share)
    return Plan(excess, frozenset(full), frozenset(full_of_deletions))


def _brought_down(quota: int) -> int:
    return quota - quota // SLACK


def _levelled(sizes: Mapping[bytes, int], room: int) -> dict[bytes, int]:
    """How much of each is beyond the level to which all have to be brought so that they fit into `room`."""
    left, count = room, len(sizes)
    for size in sorted(sizes.values()):
        if size * count > left:
            level = left // count
            return {who: size - level for who, size in sizes.items() if size > level}
        left, count = left - size, count - 1
    return {}


def ends_of(
    plan: Plan, devices: Iterable[AuthorId], held: Mapping[LogId, int], parties: Parties
) -> dict[AuthorId, dict[LogNo, int]]:
    """Where the logs of these devices end here, if they do. `held`: last seq of every log that is held."""
    ends: dict[AuthorId, dict[LogNo, int]] = {}
    for device in devices:
        member = parties.bearer(device)
        logs: Sequence[int] = ()
        if member in plan.full:
            logs = [log for log in range(MAX_LOGS_PER_AUTHOR) if log not in (LOG_ID, LOG_DELETIONS)]
        if member in plan.full_of_deletions:
            logs = [*logs, LOG_DELETIONS]
        if logs:
            ends[device] = {LogNo(log): held.get(LogId(device, LogNo(log)), 0) for log in logs}
    return ends
