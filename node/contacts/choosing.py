"""Whose profile counts, among all that are held. Pure.

Of a member the newest profile of any of his devices, as far as these are good; in an open circle the last
of each device. Of a section the newest that a device of one of its present stewards wrote, in the order of
views (docs/protocol/entry.md, "Order in views").
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from node.affairs.census import Census, good_up_to
from node.apps.directory.service import Said, SaidOfSection
from node.federation.views import Section
from store.ids import LOG_PROFILE, AuthorId, EntryId

_NEVER: Final = 2**62


class Chosen(NamedTuple):
    """Of each bearer of a name the profile whose fields count."""

    by_bearer: dict[bytes, Said]
    due_ms: int
    """From this time on there may be others: a profile that claims to be from the future counts then."""


def of_members(
    census: Census, own: AuthorId, sayings: Iterable[Said], until_ms: int, ahead_ms: int
) -> Chosen:
    """What counts in a federation. `own`: this home's device, whose word counts before it is admitted.

    What claims to be later than `until_ms` does not count yet; it does from `ahead_ms` before that on.
    """
    chosen: dict[bytes, Said] = {}
    due_ms = _NEVER
    for said in sayings:
        device, owner = census.devices.get(said.device), census.owners.get(said.device)
        if device is None and said.device == own and census.me is not None:
            owner = census.me
        elif device is None or said.seq > good_up_to(device, LOG_PROFILE):
            continue
        if owner is None:
            continue
        if said.time_ms > until_ms:
            due_ms = min(due_ms, said.time_ms - ahead_ms)
        elif owner not in chosen or _place(said) > _place(chosen[owner]):
            chosen[owner] = said
    return Chosen(chosen, due_ms)


def _place(said: Said) -> tuple[int, AuthorId, int]:
    return said.time_ms, said.device, said.seq


def of_devices(sayings: Iterable[Said]) -> Chosen:
    """What counts in an open circle, by device."""
    chosen: dict[bytes, Said] = {}
    for said in sayings:
        if said.device not in chosen or said.seq > chosen[said.device].seq:
            chosen[said.device] = said
    return Chosen(chosen, _NEVER)


def devices_for(census: Census, section: Section) -> list[AuthorId]:
    """The devices of those who are stewards of a section now, ascending."""
    stewards = (census.members.get(steward) for steward in census.stewards(section))
    return sorted(device.id for member in stewards if member is not None for device in member.devices)


class SectionSaid(NamedTuple):
    """What counts of what is said of a section."""

    current: SaidOfSection
    heads: tuple[EntryId, ...]
    """Profiles that no other one follows, the newest first: a new one follows these."""


def of_section(census: Census, said: Sequence[SaidOfSection], until_ms: int) -> SectionSaid | None:
    """What counts, where something does. `said`: by devices of present stewards."""
    good = {
        each.id: each
        for each in said
        if each.device in census.devices and each.seq <= good_up_to(census.devices[each.device], LOG_PROFILE)
    }
    orders = _orders(good)
    shown = [each for each in good.values() if orders[each.id] <= until_ms]
    if not shown:
        return None
    shown.sort(key=lambda each: (orders[each.id], each.id), reverse=True)
    followed = {link for each in shown for link in each.links}
    return SectionSaid(shown[0], tuple(each.id for each in shown if each.id not in followed))


def _orders(said: dict[EntryId, SaidOfSection]) -> dict[EntryId, int]:
    """The order in ms of each: later than all it follows. Links cannot form a cycle: an id covers them."""
    orders: dict[EntryId, int] = {}
    for start in said:
        waiting = [start]
        while waiting:
            each = said[waiting[-1]]
            behind = [link for link in each.links if link in said]
            unknown = [link for link in behind if link not in orders]
            if unknown:
                waiting += unknown
                continue
            orders[each.id] = max([each.time_ms, *(orders[link] + 1 for link in behind)])
            waiting.pop()
    return orders
