"""A board: a federation on the table, with what each of its stewards sees, plans and says. Pure.

What plans write goes into the logs of `node.testing.federations`, and the real roster judges it.
"""

from node.affairs.census import Census, take_census
from node.affairs.plans import Plan, Steward, consent, find_act, section_of
from node.affairs.section_changes import add_steward, retire_steward
from node.affairs.shown import titles_of
from node.federation.roster import Roster
from node.federation.views import ActState, Member, Section
from node.naming import Names
from node.testing.citizens import Device
from node.testing.federations import Federation
from store.ids import AuthorId, short


class Board:
    """A federation on the table: its devices, and what each of them sees of it."""

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self._salts = 0

    @property
    def roster(self) -> Roster:
        """What all devices have said."""
        return self.federation.roster()

    def census(self, device: Device) -> Census:
        """What a device sees."""
        return take_census(self.roster, device.id)

    def steward(self, device: Device) -> Steward:
        """The steward of a device, with what he sees."""
        census = self.census(device)
        if census.me is None:
            raise ValueError("a device without a certificate acts for nobody")
        names: dict[bytes, str] = {
            each.citizen.root: each.citizen.name for each in self.federation.devices.values()
        }
        return Steward(
            census.me,
            census,
            Names({}, names, census.owners),
            titles_of(census),
            self.federation.network,
            self._salt,
        )

    def _salt(self) -> bytes:
        self._salts += 1
        return self._salts.to_bytes(16, "big")

    def carry_out(self, device: Device, plan: Plan) -> list[ActState]:
        """Say what a plan says; the acts as they stand then."""
        for body in plan.bodies:
            device.say(body)
        return [act for act in self.roster.acts() if act.act in plan.acts]

    def section(self, device: Device, number: int = 0) -> Section:
        """A founding section as it stands."""
        return self.census(device).sections[self.federation.sections[number]]

    def member(self, device: Device) -> Member:
        """The member to whom a device belongs."""
        found = self.roster.member(device.citizen.root)
        if found is None:
            raise ValueError("that is no member")
        return found

    def joins(self, name: str, steward: Device | None = None) -> Device:
        """A new member, by an invite of the first steward."""
        by = steward or self.federation.stewards[0][0]
        return self.federation.join(name, self.federation.invite(by, self.section(by).state))

    def add(
        self, device: Device, new: Device, threshold: int | None = None, *, choose: bool = False
    ) -> list[ActState]:
        """A steward adds another one."""
        steward = self.steward(device)
        section, member = section_of(steward, None), self.member(new)
        plan = add_steward(steward, section, member, threshold, self.held, choose=choose)
        return self.carry_out(device, plan)

    def retire(
        self, device: Device, old: Device, threshold: int | None = None, *, choose: bool = False
    ) -> list[ActState]:
        """A steward retires another one."""
        steward = self.steward(device)
        section = section_of(steward, None)
        plan = retire_steward(steward, section, old.citizen.root, threshold, self.held, choose=choose)
        return self.carry_out(device, plan)

    def held(self, device: AuthorId) -> int:
        """The last seq of a device's log."""
        return len(self.federation.devices[device].log)

    def consents(self, device: Device, act: ActState) -> list[ActState]:
        """A steward consents to an act."""
        steward = self.steward(device)
        return self.carry_out(device, consent(steward, find_act(steward.census.acts, short(act.act))))
