"""What can be asked about the members of a federation and their devices. Synchronous.

As in `node.affairs.section_queries`, whose methods are here too.
"""

from collections.abc import Iterator
from typing import Final

from node.affairs.cutting import cut_of, parts_of
from node.affairs.section_queries import SectionQueries
from node.affairs.shown import (
    Held,
    Json,
    View,
    claims_of,
    show_device,
    show_member,
    show_section,
    titles_of,
)
from node.errors import Ambiguous, BadData, Missing
from node.federation.names import RootId, SectionId
from node.federation.safety import safety_number
from node.federation.statements import Admission, read
from node.federation.views import Device, Member
from node.quoting import quoted
from node.store_faults import told_plainly
from store.entry import MAX_ID_SEQ, Entry
from store.ids import LOG_ID, AuthorId, log_name, short, to_text
from store.log import LogId
from store.sqlite.petnames import PetnameTable

_READ_BYTES: Final = 16 * 2**20
"""More than an `id` log has."""


class FederationQueries(SectionQueries):
    """Reading methods about sections, members and devices over one open home. Thread-safe."""

    def member(self, text: str) -> Member:
        """The member whom a name or an id (his own, a root's, a device's) stands for.

        Raises: Missing, Ambiguous, BadData: as `Names.find_bearer`.
        """
        return self.census().members[self._member_id(text, frozenset(self.census().members))]

    def _member_id(self, text: str, known: frozenset[RootId]) -> RootId:
        census = self.census()
        others = [*census.owners.items(), *census.roots.items()]
        usable: dict[bytes, bytes] = {other: member for other, member in others if member in known}
        return RootId(self.names.now().find_bearer(text, known, usable))

    # --- members --------------------------------------------------------------------------------------

    @told_plainly()
    def member_list(self, section: str | None = None) -> Json:
        """`members` of a section, or of all of them; who has left every section is not listed."""
        view = self.view()
        wanted = None if section is None else self.section(section).id
        members = [
            {
                **show_member(view, member, wanted),
                "sections": [{"id": to_text(each), "name": view.title(each)} for each in member.sections],
            }
            for member in view.census.members.values()
            if member.sections and (wanted is None or wanted in member.sections)
        ]
        return {"members": sorted(members, key=lambda each: (each["name"].casefold(), each["member"]))}

    def roster(self, at_ms: int | None = None) -> Iterator[Json]:
        """Each section, and after it its members. `at_ms`: by what was claimed up to then."""
        with told_plainly():
            lines = self._roster_lines(self.view() if at_ms is None else self._view_at(at_ms))
        yield from lines

    def _roster_lines(self, view: View) -> list[Json]:
        lines: list[Json] = []
        sections = sorted(view.census.sections.values(), key=lambda each: (not each.valid, each.terms.name))
        for section in sections:
            lines.append({"type": "section", **show_section(view, section)})
            place = {"section": to_text(section.id), "section_name": view.title(section.id)}
            members = [show_member(view, each, section.id) for each in view.census.members_of(section.id)]
            members.sort(key=lambda each: (not each["steward"], each["name"].casefold(), each["member"]))
            lines += [{"type": "member", **place, **member} for member in members]
        return lines

    def _view_at(self, at_ms: int) -> View:
        from node.affairs.census import take_census
        from node.federation.roster import roster_at

        self.census()
        logs = {
            log_id.author: self._id_log(log_id.author)
            for log_id, state in self.home.entries.logs().items()
            if log_id.log == LOG_ID and state.head is not None
        }
        census = take_census(roster_at(self.home.charter, logs, at_ms), self.home.device)
        return View(census, self.names.now(), titles_of(census), census.me, at_ms)

    def _id_log(self, device: AuthorId) -> list[Entry]:
        return self.home.entries.range(LogId(device, LOG_ID), 1, MAX_ID_SEQ, _READ_BYTES)

    @told_plainly()
    def whois(self, who: str | None = None, safety: bool = False, held: Held | None = None) -> Json:
        """Somebody: names, devices, sections, and how he came; this home's own member where none is named."""
        view, held = self.view(), held or Held(self.home.device)
        member = self.member(who) if who is not None else self._own_member(view)
        petname = PetnameTable(self.home.database).all().get(member.id)
        answer = {
            **show_member(view, member),
            "root": to_text(member.root),
            "roots": [to_text(root) for root in member.roots],
            "petname": petname,
            "self": member.id == view.me,
            "sections": [{"id": to_text(each), "name": view.title(each)} for each in member.sections],
            "left": [{"id": to_text(each), "name": view.title(each)} for each in member.left],
            "stewards": [
                {"id": to_text(each.id), "name": view.title(each.id)}
                for each in view.census.stewarded(member.id)
            ],
            "devices": [show_device(view, device, held) for device in member.devices],
            "admitted": self._admissions(view, member),
        }
        return {**answer, "safety": self._safety(view, member)} if safety else answer

    def _own_member(self, view: View) -> Member:
        member = None if view.me is None else view.census.members.get(view.me)
        if member is None:
            raise Missing(
                "This device belongs to nobody who is admitted.",
                "Its section may wait for endorsements: aster section list",
            )
        return member

    def _safety(self, view: View, member: Member) -> str:
        own = self._own_member(view)
        if own.id == member.id:
            raise BadData(
                "A safety number is of two members.", "Name the other one: aster whois NAME --safety"
            )
        return safety_number(self.home.network, own.root, member.root)

    def _admissions(self, view: View, member: Member) -> list[Json]:
        """What admits somebody, as far as it can be seen."""
        found: list[Json] = []
        for grant, claim in claims_of(view.census.grants.values(), member.roots):
            by = {"by": view.person(grant.by), "invite": to_text(grant.entry)}
            found.append({"how": "invite", **_place(view, grant.section), **by, "time_ms": claim.time_ms})
        found += self._admitted_by_hand(view, member)
        told = {each["section"] for each in found}
        return found + [
            {"how": "steward", **_place(view, section.id), "by": None, "invite": None}
            for section in view.census.sections.values()
            if section.valid
            and member.id in view.census.stewards(section)
            and to_text(section.id) not in told
        ]

    def _admitted_by_hand(self, view: View, member: Member) -> list[Json]:
        sections = {state: section.id for section in view.census.sections.values() for state in section.chain}
        found = []
        for device in sorted(view.census.supporters):
            owner = view.census.owners.get(device)
            for entry in self._id_log(device) if owner is not None else ():
                said = read(entry, self.home.network)
                if said is None or not isinstance(said.statement, Admission):
                    continue
                section = sections.get(said.statement.state)
                if said.statement.root in member.roots and section in (*member.sections, *member.left):
                    assert owner is not None
                    assert section is not None
                    by = {"by": view.person(owner), "invite": None, "time_ms": said.time_ms}
                    found.append({"how": "admission", **_place(view, section), **by})
        return found

    @told_plainly()
    def petname_list(self) -> Json:
        """`petnames` that this home gave."""
        view = self.view()
        given = PetnameTable(self.home.database).all()
        known = view.census.members
        return {
            "petnames": [
                {"member": to_text(member), "name": name, "known": RootId(member) in known}
                for member, name in given.items()
            ]
        }

    # --- devices --------------------------------------------------------------------------------------

    @told_plainly()
    def device_list(self, member: str | None = None, held: Held | None = None) -> Json:
        """`devices` of a member; this home's own where none is named."""
        view = self.view()
        found = self.member(member) if member is not None else self._own_member(view)
        held = held or Held(self.home.device)
        return {"devices": [show_device(view, device, held) for device in found.devices]}

    @told_plainly()
    def device_cut(self, device: str, before_ms: int | None = None) -> Json:
        """What a revocation of an own device would cut. `cut`: hex of the bytes that the root has to sign."""
        found = self.own_device(device)
        cut = cut_of(self.home.entries, found.id, before_ms)
        return {
            "device": to_text(found.id),
            "name": found.name,
            "this": found.id == self.home.device,
            "standing": found.standing.name.lower(),
            "cut": cut.encode().hex(),
            "logs": [
                {"log": log_name(part.log), "entries": part.kept, "held": part.held, "last_ms": part.last_ms}
                for part in parts_of(self.home.entries, cut)
            ],
        }

    def own_device(self, text: str) -> Device:
        """The device of this home's member that an id or a name stands for. Raises: Missing, Ambiguous."""
        devices = self._own_member(self.view()).devices
        wanted = text.strip().casefold()
        found = [device for device in devices if device.name.casefold() == wanted]
        if not found and wanted:
            found = [device for device in devices if to_text(device.id).startswith(wanted)]
        if not found:
            raise Missing(f"You have no device {quoted(text)}.", "See: aster device list")
        if len(found) > 1:
            listed = ", ".join(f"{device.name} ({short(device.id)})" for device in found)
            raise Ambiguous(f"{quoted(text)} may be {listed}.", "Type more of the id.")
        return found[0]


def _place(view: View, section: SectionId) -> Json:
    return {"section": to_text(section), "section_name": view.title(section), "time_ms": 0}
