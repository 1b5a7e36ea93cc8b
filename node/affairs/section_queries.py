"""What can be asked about sections, their stewards and their invites. Synchronous.

Answers are ready for JSON (docs/protocol/control.md). They look at the census that `NameBook.refresh` left,
so any thread may ask. What only a running node knows (who is connected, who is a hub) comes in as `Held`.
"""

import json
from collections.abc import Callable, Sequence
from typing import Final

from node.affairs.census import Census
from node.affairs.plans import find_section, state_of
from node.affairs.shown import (
    Held,
    Json,
    View,
    show_act,
    show_carriers,
    show_hubs,
    show_invite,
    show_member,
    show_section,
    titles_of,
)
from node.errors import Ambiguous, BadRequest
from node.federation.names import SectionId
from node.federation.views import ActState, Section
from node.home import Home
from node.naming import NameBook
from node.store_faults import told_plainly
from store.errors import NotFound
from store.ids import LOG_ID, AuthorId, EntryId, to_text
from store.interface import NOTHING_HELD
from store.log import LogId

SYNCED: Final = "federation/synced"
"""Name of the setting that says with which sections this home was in step when."""

_MAX_TIMES: Final = 20_000
"""Claimed times of heads that are remembered."""


class SectionQueries:
    """Reading methods about sections over one open home. Thread-safe."""

    def __init__(self, home: Home, names: NameBook, clock_ms: Callable[[], int]) -> None:
        self.home = home
        self.names = names
        self._clock_ms = clock_ms
        self._times: dict[EntryId, int] = {}

    def census(self) -> Census:
        """The roster as it was last looked at. Raises: BadRequest: this is an open circle."""
        census = self.names.census()
        if census is None:
            raise BadRequest(
                f"{self.home.charter.name} is an open circle: it has no sections and no members.",
                "Devices are let in with: aster peer add. A federation is made with: aster federation found",
            )
        return census

    def view(self) -> View:
        """What is looked at. Raises: as `census`."""
        census = self.census()
        return View(census, self.names.now(), titles_of(census), census.me, self._clock_ms())

    def section(self, text: str | None) -> Section:
        """The section that a text stands for; without one this home's own. Raises: Missing, Ambiguous."""
        view = self.view()
        if text is not None:
            return find_section(view.census, view.titles, text)
        own = [section for section in view.census.sections.values() if self._is_own(view, section)]
        if len(own) != 1:
            listed = ", ".join(view.title(section.id) for section in own or view.census.sections.values())
            raise Ambiguous(f"There are several sections: {listed}.", "Say which.")
        return own[0]

    def _is_own(self, view: View, section: Section) -> bool:
        me = None if view.me is None else view.census.members.get(view.me)
        belongs = me is not None and section.id in me.sections
        return belongs or view.me in view.census.stewards(section)

    # --- sections and stewards ------------------------------------------------------------------------

    @told_plainly()
    def section_list(self, held: Held | None = None) -> Json:
        """`sections`: valid ones and those that wait for endorsements."""
        view = self.view()
        sections = sorted(view.census.sections.values(), key=lambda each: (not each.valid, each.terms.name))
        return {"sections": [show_section(view, section) for section in sections]}

    @told_plainly()
    def section_show(self, section: str | None = None, held: Held | None = None) -> Json:
        """A section with its members, hubs, and what its stewards have before them."""
        found, view = self.section(section), self.view()
        held = held or Held(self.home.device)
        members = [show_member(view, each, found.id) for each in view.census.members_of(found.id)]
        return {
            **show_section(view, found),
            "people": sorted(members, key=lambda each: (not each["steward"], each["name"])),
            "hubs": show_hubs(view, found.id, held),
            **show_carriers(view, found.id, held),
            "pending": [show_act(view, act) for act in self._pending(view, {found.id})],
            **self._confirmed(view.census, found, self._synced(held)),
        }

    @told_plainly()
    def steward_list(self, section: str | None = None) -> Json:
        """`stewards` of a section, with its threshold."""
        found, view = self.section(section), self.view()
        return {
            "section": to_text(found.id),
            "section_name": view.title(found.id),
            "threshold": found.terms.threshold,
            "stewards": [view.person(root) for root in view.census.stewards(found)],
        }

    @told_plainly()
    def steward_pending(self, section: str | None = None, all: bool = False) -> Json:
        """`acts` that wait for consents: of one's own sections, of one, or of `all`."""
        view = self.view()
        own = {each.id for each in view.census.stewarded(view.me)} if view.me is not None else set()
        sections = {self.section(section).id} if section is not None else own
        wanted = set(view.census.sections) if all or not sections else sections
        return {"acts": [show_act(view, act) for act in self._pending(view, wanted)]}

    def _pending(self, view: View, sections: set[SectionId]) -> list[ActState]:
        """Acts of these sections that can still be consented to, the oldest first."""
        found = [
            act
            for act in view.census.acts
            if act.section in sections
            and not act.complete
            and state_of(act) == view.census.sections[act.section].state
        ]
        return sorted(found, key=lambda act: (act.since_ms, act.act))

    # --- invites --------------------------------------------------------------------------------------

    @told_plainly()
    def invite_list(self, section: str | None = None, all: bool = False) -> Json:
        """`invites` of one's own sections, of one, or `all`; the newest last."""
        view = self.view()
        wanted = {self.section(section).id} if section is not None else self._own_sections(view)
        grants = [grant for grant in view.census.grants.values() if all or grant.section in wanted]
        grants.sort(key=lambda grant: (grant.time_ms, grant.entry))
        return {"invites": [show_invite(view, grant) for grant in grants]}

    def _own_sections(self, view: View) -> set[SectionId]:
        return {section.id for section in view.census.sections.values() if self._is_own(view, section)}

    # --- how it stands --------------------------------------------------------------------------------

    @told_plainly()
    def federation_status(self, held: Held | None = None) -> Json:
        """This home's place in its federation, and up to when which sections confirm the roster."""
        view = self.view()
        me = None if view.me is None else view.census.members.get(view.me)
        synced = self._synced(held or Held(self.home.device))
        sections = [section for section in view.census.sections.values() if section.valid]
        device = view.census.devices.get(self.home.device)
        acts = self.steward_pending()["acts"]
        return {
            "member": None if view.me is None else to_text(view.me),
            "member_name": None if view.me is None else view.names.of_bearer(view.me),
            "device": "" if device is None else device.name,
            "standing": "candidate" if device is None else device.standing.name.lower(),
            "members": sum(1 for member in view.census.members.values() if member.sections),
            "sections": [
                {
                    "id": to_text(section.id),
                    "name": view.title(section.id),
                    "own": me is not None and section.id in me.sections,
                    "steward": view.me in view.census.stewards(section),
                    **self._confirmed(view.census, section, synced),
                }
                for section in sorted(sections, key=lambda each: each.terms.name)
            ],
            "waiting": sum(1 for section in view.census.sections.values() if not section.valid),
            "pending": sum(1 for act in acts if not act["yours"]) if self._own_stewarded(view) else 0,
        }

    def _own_stewarded(self, view: View) -> Sequence[Section]:
        return () if view.me is None else view.census.stewarded(view.me)

    def _confirmed(self, census: Census, section: Section, synced: dict[SectionId, int]) -> Json:
        """`said_ms`: the newest time that a steward's statement claims; `synced_ms`: when we were in step."""
        devices = (
            device.id
            for root in census.stewards(section)
            for device in (census.members[root].devices if root in census.members else ())
        )
        said_ms = max((self._said_ms(device) for device in devices), default=0)
        return {"said_ms": min(said_ms, self._clock_ms()), "synced_ms": synced.get(section.id, 0)}

    def _said_ms(self, device: AuthorId) -> int:
        head = (self.home.entries.state(LogId(device, LOG_ID)) or NOTHING_HELD).head
        if head is None:
            return 0
        if head.id not in self._times:
            try:
                time_ms = self.home.entries.entry(head.id).time_ms
            except NotFound:
                return 0
            if len(self._times) >= _MAX_TIMES:
                self._times.clear()
            self._times[head.id] = time_ms
        return self._times[head.id]

    def _synced(self, held: Held) -> dict[SectionId, int]:
        """When this home was last in step with a hub or a steward of each section, Unix time."""
        found = read_synced(self.home.tables.setting(SYNCED))
        for section, time_ms in synced_sections(self.census(), held).items():
            found[section] = max(time_ms, found.get(section, 0))
        return found


def synced_sections(census: Census, held: Held) -> dict[SectionId, int]:
    """Of each section when a complete sync with one of its hubs, or with one of its stewards, ended last."""
    found: dict[SectionId, int] = {}
    for device, time_ms in held.synced_ms.items():
        member = census.member(device)
        for section in () if member is None else member.sections:
            is_steward = member is not None and member.id in census.stewards(census.sections[section])
            if device in held.hubs or is_steward:
                found[section] = max(time_ms, found.get(section, 0))
    return found


def write_synced(synced: dict[SectionId, int]) -> bytes:
    """The value of the setting `SYNCED`."""
    return json.dumps({section.hex(): time_ms for section, time_ms in sorted(synced.items())}).encode()


def read_synced(value: bytes | None) -> dict[SectionId, int]:
    """What the setting `SYNCED` says; nothing where there is none that can be read."""
    try:
        plain = json.loads(value or b"{}")
        return {SectionId(bytes.fromhex(section)): int(time_ms) for section, time_ms in plain.items()}
    except (ValueError, AttributeError, TypeError):
        return {}
