"""Random federations: everybody says something, whether it counts or not. The same chance, the same bytes."""

import random
from collections.abc import Callable
from typing import Final

from node.federation.cuts import Cut
from node.federation.names import ActId, RootId, SectionId, StateId
from node.federation.statements import FOR_MEMBERS, FOR_SECTIONS
from node.testing.citizens import Citizen, Device
from node.testing.federations import Federation, Invite, cut_at, terms_of
from store.entry import Entry

CITIZENS: Final = [Citizen(f"citizen {number}") for number in range(12)]


class World:
    """A federation in which chance decides who says what. Stewards speak more often than others."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        stewards = chance.choice((1, 1, 2, 3))
        self.federation = Federation(chance.randint(1, 3), stewards, 0, chance.randint(1, 2))
        self.stewards: list[Device] = [each for group in self.federation.stewards for each in group]
        self.devices: list[Device] = list(self.stewards)
        self.states: list[StateId] = [StateId(each) for each in self.federation.sections]
        self.sections: list[SectionId] = list(self.federation.sections)
        self.seats: dict[StateId, list[Device]] = dict(
            zip(self.states, self.federation.stewards, strict=True)
        )
        """Devices of the stewards of each state, as far as they were known when it began."""
        self.acts: list[ActId] = []
        self.changes: list[tuple[StateId, StateId]] = []
        self.invites: list[tuple[Invite, Device, StateId]] = []
        self.joined: list[tuple[Device, StateId]] = []
        self.names = 0

    def live(self, steps: int) -> "World":
        """Let so many things be said."""
        actions: list[tuple[int, Callable[[], object]]] = [
            (3, self.arrive),
            (2, self.link),
            (3, self.invite),
            (5, self.claim),
            (2, self.settle),
            (1, self.admit),
            (3, self.begin),
            (2, self.cut),
            (4, self.change),
            (3, self.choose),
            (3, self.endorse),
            (2, self.end),
            (2, self.replace),
            (8, self.consent),
        ]
        weights = [weight for weight, _ in actions]
        for _ in range(steps):
            self.chance.choices(actions, weights)[0][1]()
        return self

    def somebody(self) -> Device:
        """Often a steward."""
        return self.chance.choice(self.stewards if self.chance.random() < 0.7 else self.devices)

    def root(self) -> RootId:
        """The root of somebody."""
        return self.chance.choice(self.devices).citizen.root

    def state(self) -> StateId:
        """Any state, of a chain or not."""
        return self.chance.choice(self.states)

    def seat(self, purposeful: float = 0.85) -> tuple[Device, StateId]:
        """Somebody and a state; mostly somebody who is a steward in it."""
        state = self.state()
        if self.chance.random() < purposeful:
            return self.chance.choice(self.seats[state]), state
        return self.somebody(), state

    def agree(self, state: StateId, entry: Entry) -> ActId:
        """Note an act; often its section's other stewards consent."""
        act = self.federation.act(entry)
        self.acts.append(act)
        if self.chance.random() < 0.6:
            for device in self.seats[state]:
                if device.id != entry.author:
                    device.consent(act)
        return act

    def arrive(self) -> Device:
        """A device of somebody who may be new."""
        device = self._device(self.chance.choice(CITIZENS))
        return device

    def link(self) -> Device:
        """A further device of somebody."""
        device = self._device(self.somebody().citizen)
        if any(device.citizen is each.citizen for each in self.stewards):
            self.stewards.append(device)
        return device

    def _device(self, citizen: Citizen) -> Device:
        self.names += 1
        device = self.federation.device(citizen, f"device {self.names}")
        self.devices.append(device)
        return device

    def invite(self) -> None:
        """Somebody grants an invite."""
        by, state = self.seat()
        purpose = self.chance.choice((FOR_MEMBERS, FOR_MEMBERS, FOR_SECTIONS))
        invite = self.federation.invite(by, state, self.chance.randint(1, 2), purpose=purpose)
        self.invites.append((invite, by, state))

    def claim(self) -> None:
        """Somebody uses an invite, or tries to."""
        if self.invites:
            invite, _, state = self.chance.choice(self.invites)
            if self.chance.random() < 0.1:
                invite = invite._replace(secret=bytes(16))
            device = self.chance.choice(
                (self.arrive, self.somebody, lambda: self.chance.choice(self.devices))
            )()
            self.federation.claim(device, invite)
            self.joined.append((device, state))

    def settle(self) -> None:
        """Somebody settles a grant."""
        if self.invites:
            invite, by, state = self.chance.choice(self.invites)
            if self.chance.random() < 0.3:
                by, state = self.seat()
            named: list[RootId | SectionId] = [self.root() for _ in range(self.chance.randint(0, 4))]
            named += self.chance.choices(self.sections, k=self.chance.randint(0, 2))
            by.settle(state, invite.grant, named)

    def admit(self) -> None:
        """Somebody admits somebody."""
        by, state = self.seat()
        by.admit(state, self.root())

    def begin(self) -> None:
        """Some begin a section, mostly by an invite, and some endorse it."""
        self.names += 1
        founders = [self.arrive() for _ in range(self.chance.choice((1, 1, 2)))]
        if self.chance.random() < 0.3:
            founders.append(self.somebody())
        founders = list({device.citizen.root: device for device in founders}.values())
        invite: Invite | None = None
        if self.chance.random() < 0.8:
            invite = self.federation.invite(*self.seat(), purpose=FOR_SECTIONS)
        section = self.federation.begin(f"section {self.names}", founders, invite)
        if self.chance.random() < 0.2:
            self.somebody().say(founders[0].log[1].body or b"")
        self.sections.append(section)
        self.states.append(StateId(section))
        self.seats[self.states[-1]] = founders
        self.stewards += founders
        for _ in range(self.chance.randint(0, 2)):
            self.endorse(section)

    def cut(self) -> None:
        """Somebody cuts a device, mostly of his own."""
        device = self.chance.choice(self.devices)
        theirs = [each for each in self.devices if each.citizen is device.citizen]
        by = self.chance.choice(theirs) if self.chance.random() < 0.9 else self.somebody()
        by.cut(self._cut_of(device))

    def _cut_of(self, device: Device) -> Cut:
        seq = self.chance.choice((None, None, self.chance.randint(0, len(device.log))))
        return cut_at(
            device,
            seq,
            [(2, self.chance.randint(1, 9)), (3, self.chance.randint(1, 9))][: self.chance.randint(0, 2)],
        )

    def change(self, rivals: tuple[StateId, ...] = (), state: StateId | None = None) -> None:
        """Somebody proposes a change, to a state of which there may be others already."""
        chosen = self.chance.sample(self.stewards, min(len(self.stewards), self.chance.choice((1, 1, 2, 3))))
        named = {self.chance.choice(self.devices).id: 0 for _ in range(self.chance.choice((0, 1, 3)))}
        ends = [(each.id, self.chance.randint(1, len(each.log))) for each in self.devices if each.id in named]
        by = self.somebody()
        if state is None:
            by, state = self.seat()
        terms = terms_of(chosen, name=f"name {self.chance.randint(0, 3)}")
        act = self.agree(state, by.change([state, *rivals], terms, ends))
        self.changes.append((state, StateId(act)))
        self.states.append(StateId(act))
        self.seats.setdefault(StateId(act), chosen)

    def choose(self) -> None:
        """Somebody proposes to choose between changes of one state."""
        if self.changes:
            state, _ = self.chance.choice(self.changes)
            rivals = {after for before, after in self.changes if before == state}
            rivals |= {self.chance.choice(self.changes)[1] for _ in range(self.chance.randint(0, 1))}
            self.change(tuple(sorted(rivals - {state}))[:7], state)

    def endorse(self, section: SectionId | None = None) -> None:
        """Somebody proposes an endorsement."""
        by, state = self.seat()
        self.agree(state, by.endorse(state, section or self.chance.choice(self.sections)))

    def end(self) -> None:
        """Somebody proposes the end of a membership."""
        device = self.chance.choice(self.devices)
        by, state = self.seat()
        if self.joined and self.chance.random() < 0.8:
            device, state = self.chance.choice(self.joined)
            by = self.chance.choice(self.seats[state])
        cuts = [self._cut_of(device)] if self.chance.random() < 0.7 else []
        self.agree(state, by.end(state, device.citizen.root, cuts))

    def replace(self) -> None:
        """Somebody proposes the replacement of a root."""
        device, new = self.chance.choice(self.devices), self.arrive()
        by, state = self.seat()
        if self.chance.random() < 0.5:
            device = by
        elif self.joined:
            device, state = self.chance.choice(self.joined)
            by = self.chance.choice(self.seats[state])
        if device.citizen is not new.citizen:
            cuts = [self._cut_of(device)] if self.chance.random() < 0.7 else []
            self.agree(state, by.replace(state, device.citizen.root, new.citizen.root, cuts))

    def consent(self) -> None:
        """Somebody consents to something."""
        if self.acts:
            self.somebody().consent(self.chance.choice(self.acts[-6:]))
