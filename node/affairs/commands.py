"""What stewards do together: sections, stewards, members. For the trio thread.

Each command looks at the roster, has a plan made (`node.affairs.plans`,
`node.affairs.section_changes`), writes what the plan says at the end of this device's `id` log, and answers
with the acts as they stand then.
"""

from collections.abc import Sequence
from typing import Final

from node.affairs.cutting import cut_of, parts_of
from node.affairs.desk import Desk
from node.affairs.plans import (
    admit,
    consent,
    end,
    endorse,
    find_act,
    find_section,
    read_root,
    replace,
    section_of,
    valid_section_of,
)
from node.affairs.section_changes import Wanted, add_steward, change, retire_steward
from node.affairs.shown import Json
from node.errors import BadData, Missing
from node.federation.cuts import Cut
from node.federation.names import RootId
from node.federation.views import Device, Member
from node.quoting import quoted
from store.ids import LOG_ID, AuthorId, log_name, to_text
from store.interface import NOTHING_HELD
from store.log import LogId

MAX_LANGUAGES_GIVEN: Final = 100
"""More than a section may name; the message about too many says so."""


class FederationCommands:
    """What `section/…`, `steward/…` and `member/…` do."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # --- sections -------------------------------------------------------------------------------------

    async def section_endorse(self, name: str, section: str | None = None) -> Json:
        """Endorse a new section for one's own."""
        steward = self._desk.steward()
        new = find_section(steward.census, steward.titles, name)
        plan = endorse(steward, valid_section_of(steward, section), new)
        return {"acts": await self._desk.carry_out(plan)}

    async def section_change(
        self,
        section: str | None = None,
        name: str | None = None,
        territory: str | None = None,
        languages: Sequence[str] | None = None,
        choose: bool = False,
    ) -> Json:
        """Change what a section is called, where it is, which languages it speaks."""
        steward = self._desk.steward()
        spoken = None if languages is None else tuple(languages)[:MAX_LANGUAGES_GIVEN]
        wanted = Wanted(name, territory, spoken)
        return {
            "acts": await self._desk.carry_out(
                change(steward, section_of(steward, section), wanted, self._id_head, choose=choose)
            )
        }

    # --- stewards -------------------------------------------------------------------------------------

    async def steward_add(
        self, member: str, section: str | None = None, threshold: int | None = None, choose: bool = False
    ) -> Json:
        """Make a member of a section its steward."""
        steward = self._desk.steward()
        chosen, new = section_of(steward, section), await self._desk.ask(self._desk.queries.member, member)
        return {
            "acts": await self._desk.carry_out(
                add_steward(steward, chosen, new, threshold, self._id_head, choose=choose)
            )
        }

    async def steward_retire(
        self, member: str, section: str | None = None, threshold: int | None = None, choose: bool = False
    ) -> Json:
        """Retire a steward; what his devices said so far stays."""
        await self._desk.catch_up()
        steward = self._desk.steward()
        chosen = section_of(steward, section)
        known = steward.census.stewards(chosen)
        owners = {other: root for other, root in steward.census.owners.items() if root in known}
        try:
            old = await self._desk.ask(lambda: steward.names.find_bearer(member, known, dict(owners.items())))
        except Missing:
            old = (await self._desk.ask(self._desk.queries.member, member)).id
        plan = retire_steward(steward, chosen, RootId(old), threshold, self._id_head, choose=choose)
        return {"acts": await self._desk.carry_out(plan)}

    async def steward_threshold(
        self, threshold: int, section: str | None = None, choose: bool = False
    ) -> Json:
        """Change how many stewards act together."""
        steward = self._desk.steward()
        wanted = Wanted(threshold=threshold)
        plan = change(steward, section_of(steward, section), wanted, self._id_head, choose=choose)
        return {"acts": await self._desk.carry_out(plan)}

    async def steward_consent(self, act: str) -> Json:
        """Consent to what another steward proposed."""
        steward = self._desk.steward()
        plan = consent(steward, find_act(steward.census.acts, act))
        return {"acts": await self._desk.carry_out(plan)}

    def _id_head(self, device: AuthorId) -> int:
        head = (self._desk.home.entries.state(LogId(device, LOG_ID)) or NOTHING_HELD).head
        return 0 if head is None else head.seq

    # --- members --------------------------------------------------------------------------------------

    async def member_admit(self, root: str, section: str | None = None) -> Json:
        """Admit somebody by the id of his root, or a member of another section by what names him."""
        steward = self._desk.steward()
        chosen = valid_section_of(steward, section)
        try:
            found = (await self._desk.ask(self._desk.queries.member, root)).root
        except Missing:
            found = read_root(root)
        await self._desk.write(admit(steward, chosen, found).bodies)
        view = self._desk.view()
        return {
            **view.person(found),
            "section": to_text(chosen.id),
            "section_name": view.title(chosen.id),
            "admitted": view.census.member_of_root(found) in view.census.members,
        }

    async def member_end(
        self,
        member: str,
        section: str | None = None,
        before_ms: int | None = None,
        without: Sequence[str] | None = None,
        preview: bool = False,
    ) -> Json:
        """End a membership; the logs of his devices end at what is held here."""
        await self._desk.catch_up()
        steward = self._desk.steward()
        chosen, found = section_of(steward, section), await self._desk.ask(self._desk.queries.member, member)
        cuts = await self._desk.ask(self._cuts, found, before_ms, without or ())
        plan = end(steward, chosen, found, cuts)
        acts = [] if preview else await self._desk.carry_out(plan)
        return {"acts": acts, **await self._desk.ask(self._cut_shown, found, cuts, ())}

    async def member_replace(
        self,
        member: str,
        root: str,
        section: str | None = None,
        before_ms: int | None = None,
        without: Sequence[str] | None = None,
        preview: bool = False,
    ) -> Json:
        """Give a member a new root; the logs of all his devices end at what is held here."""
        await self._desk.catch_up()
        steward = self._desk.steward()
        chosen, found = section_of(steward, section), await self._desk.ask(self._desk.queries.member, member)
        cuts = await self._desk.ask(self._cuts, found, before_ms, without or ())
        replacing = replace(steward, chosen, found, read_root(root), cuts)
        acts = [] if preview else await self._desk.carry_out(replacing.plan)
        return {"acts": acts, **await self._desk.ask(self._cut_shown, found, cuts, replacing.left_out)}

    def _cuts(self, member: Member, before_ms: int | None, without: Sequence[str]) -> list[Cut]:
        """A cut for each device of a member that has said anything, those that said most first."""
        dropped = {_device(member, text).id for text in without}
        cuts = [
            cut_of(self._desk.home.entries, device.id, before_ms)
            for device in member.devices
            if device.id not in dropped
        ]
        said = [cut for cut in cuts if cut.ends]
        return sorted(said, key=lambda cut: (-sum(end.seq for end in cut.ends), cut.device))

    def _cut_shown(self, member: Member, cuts: Sequence[Cut], left_out: Sequence[AuthorId]) -> Json:
        """`devices`: where the logs of each end; of one that no cut names nothing is left."""
        by_device = {cut.device: cut for cut in cuts if cut.device not in left_out}
        view = self._desk.queries.view()
        return {
            **view.person(member.id),
            "devices": [
                {
                    "device": to_text(device.id),
                    "name": device.name,
                    "logs": [
                        {
                            "log": log_name(part.log),
                            "entries": part.kept,
                            "held": part.held,
                            "last_ms": part.last_ms,
                        }
                        for part in parts_of(
                            self._desk.home.entries, by_device.get(device.id, Cut(device.id, ()))
                        )
                    ],
                }
                for device in member.devices
            ],
            "left_out": [to_text(device) for device in left_out],
        }


def _device(member: Member, text: str) -> Device:
    """A device of a member by its name or the beginning of its id. Raises: Missing, BadData."""
    wanted = text.strip().casefold()
    if not wanted:
        raise BadData("A device is named by its name or id.", "See: aster whois NAME")
    found = [device for device in member.devices if device.name.casefold() == wanted]
    found = found or [device for device in member.devices if to_text(device.id).startswith(wanted)]
    if len(found) != 1:
        raise Missing(f"{quoted(text)} names {len(found)} devices of that member.", "See: aster whois NAME")
    return found[0]
