"""What this home carries and others say that they do: asked, and chosen. Synchronous.

In an open circle there are purposes and ages; sections are of federations.
"""

from collections.abc import Callable, Sequence

from gossip.proto.interest import EVERYTHING, Interest
from node.affairs.interest import SETTING, Wish, is_all, only_box, read_choice
from node.affairs.plans import find_section
from node.affairs.shown import Held, Json, titles_of
from node.errors import BadRequest
from node.federation.names import SectionId
from node.federation.views import Standing
from node.home import Home
from node.naming import NameBook, Names
from node.store_faults import told_plainly
from store.ids import LOG_NAMES, AuthorId, log_name, to_text

MAX_OTHERS = 1_000
"""Nodes of which an answer says what they carry; hubs come first."""


class InterestQueries:
    """Methods about interest over one open home."""

    def __init__(self, home: Home, names: NameBook, clock_ms: Callable[[], int]) -> None:
        self._home = home
        self._names = names
        self._clock_ms = clock_ms

    @told_plainly()
    def interest_show(self, held: Held | None = None) -> Json:
        """What this home carries, and what others said."""
        choice = read_choice(self._home)
        titles = self._titles()
        now_ms = self._clock_ms()
        alone = choice.interest(self._own_sections(), now_ms, only_box(self._home, choice, now_ms))
        others = {} if held is None else {**held.interests}
        interest = others.pop(self._home.device, alone)
        census = self._names.census()
        for device in list(others) if census is not None else ():
            known = census.devices.get(device) if census is not None else None
            if known is not None and known.standing is not Standing.MEMBER:
                del others[device]
        hubs = () if held is None else held.hubs
        ordered = sorted(others, key=lambda device: (device not in hubs, device))[:MAX_OTHERS]
        return {
            **show_interest(interest, titles),
            "age_ms": choice.age_ms,
            "boxes": choice.boxes,
            "others": [
                {**self._called(device), "hub": device in hubs, **show_interest(others[device], titles)}
                for device in ordered
            ],
        }

    def _called(self, device: AuthorId) -> Json:
        names = self._names.now()
        return {
            "device": to_text(device),
            "name": names.of(device),
            "member": names.member(device),
            "device_name": names.device(device),
        }

    def _titles(self) -> Names:
        census = self._names.census()
        return Names({}, {}) if census is None else titles_of(census)

    def _own_sections(self) -> frozenset[bytes]:
        census = self._names.census()
        if census is None or census.me is None:
            return frozenset()
        member = census.members.get(census.me)
        belongs = () if member is None else (*member.sections, *member.left)
        return frozenset((*belongs, *(section.id for section in census.stewarded(census.me))))

    @told_plainly()
    def interest_set(
        self,
        sections: Sequence[str] | None = None,
        purposes: Sequence[str] | None = None,
        age_ms: int | None = None,
        everything: bool = False,
        boxes: str | None = None,
    ) -> Json:
        """Choose what to carry; what is not given stays as it is. The home must be open for writing.

        Raises: BadRequest: nothing is chosen, or sections in a circle. BadData, Missing, Ambiguous.
        """
        chosen = None if sections is None else self._sections(sections)
        choice = Wish(chosen, purposes, age_ms, everything, boxes).applied(read_choice(self._home))
        choice.interest(self._own_sections(), self._clock_ms())
        self._home.tables.set({SETTING: choice.encode()})
        return self.interest_show()

    def _sections(self, texts: Sequence[str]) -> tuple[SectionId, ...]:
        census = self._names.census()
        if census is None:
            raise BadRequest("This is an open circle: it has no sections.", "Choose purposes or an age.")
        if is_all(texts):
            return ()
        return tuple(find_section(census, titles_of(census), text).id for text in texts)


def show_interest(interest: Interest, titles: Names) -> Json:
    """An interest for doors. None in place of a list: all of them."""
    numbers = range(len(LOG_NAMES))
    is_any = interest.logs == EVERYTHING.logs
    sections = interest.sections
    return {
        "everything": interest == EVERYTHING,
        "sections": None
        if sections is None
        else [{"id": to_text(each), "name": titles.of_bearer(each)} for each in sections],
        "purposes": None if is_any else [log_name(each) for each in numbers if interest.logs >> each & 1],
        "since_ms": interest.bodies_since_ms,
        "without_bodies": [log_name(each) for each in numbers if interest.bare >> each & 1],
    }
