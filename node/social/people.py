"""Whom a text names: a person, a section; and which devices speak for them. Synchronous."""

from collections.abc import Iterable

from node.affairs.census import Census
from node.affairs.plans import find_section
from node.affairs.shown import titles_of
from node.errors import BadRequest
from node.federation.names import RootId, SectionId
from node.looking import Look
from node.naming import Names
from store.ids import AuthorId


def find_who(look: Look, text: str) -> bytes:
    """The one person whom a name or an id stands for, by 32 bytes: a member, in a circle a device.

    Raises: Missing, Ambiguous, BadData: as `Names.find_bearer`.
    """
    names, census = look.names.now(), look.names.census()
    if census is None:
        return names.bearer(look.author(text))
    known = frozenset(census.members)
    others = [*census.owners.items(), *census.roots.items()]
    usable: dict[bytes, bytes] = {each: member for each, member in others if member in known}
    return names.find_bearer(text, known, usable)


def find_section_id(look: Look, text: str) -> SectionId:
    """The section that a name or an id stands for. Raises: Missing, Ambiguous; BadRequest: a circle."""
    census = look.names.census()
    if census is None:
        raise BadRequest("This is an open circle: it has no sections.", "Name people or topics.")
    return find_section(census, titles_of(census), text).id


def section_name(census: Census | None, section: bytes) -> str:
    """What a section is called here; where the roster does not know it, its id."""
    titles = Names({}, {}) if census is None else titles_of(census)
    return titles.of_bearer(section)


def sections_of(census: Census | None, who: bytes) -> Iterable[bytes]:
    """The sections to which somebody belongs now."""
    member = None if census is None else census.members.get(RootId(who))
    return () if member is None else member.sections


def devices_of_section(census: Census | None, section: bytes) -> frozenset[AuthorId]:
    """The devices of all who belong to a section now."""
    if census is None:
        return frozenset()
    members = census.members_of(SectionId(section))
    return frozenset(device.id for member in members for device in member.devices)


def devices_of(census: Census | None, who: bytes) -> frozenset[AuthorId]:
    """The devices that speak for somebody, or ever did."""
    if census is None:
        return frozenset({AuthorId(who)})
    member = census.members.get(RootId(who))
    return frozenset() if member is None else frozenset(device.id for device in member.devices)
