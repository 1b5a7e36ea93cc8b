"""What this home chose to carry: sections, purposes, age, packets. Kept as a setting; told to the mesh.

`id` logs are carried whatever was chosen: who belongs. `profile` logs (what members are called) are among the
purposes always, but of members of sections that were left out they are not carried. The sections of this
home's own member are always chosen, or its own logs would reach nobody. A choice takes nothing out of the
store: what is held stays, but it is neither asked for nor compared any more.

Packets to devices lie in sixteen box logs. The headers of all of them are carried; their bodies can be left
to hubs, but for those of this device's own box. Where nothing was chosen, a hub leaves none out; another node
does once it knows a hub, so that in a small circle without one all carry for each other.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gossip.proto.interest import EVERYTHING, Interest, choose
from node.apps.messenger.bodies import box_of
from node.deletion.hubs import Heard, merged, read_hubs
from node.errors import BadData, BadRequest
from node.home import Home
from node.quoting import quoted
from store.ids import (
    LOG_BOX_0,
    LOG_DELETIONS,
    LOG_ID,
    LOG_NAMES,
    LOG_PROFILE,
    MAX_LOGS_PER_AUTHOR,
    AuthorId,
    LogNo,
    NotAnId,
    log_number,
)
from store.log import LogId

SETTING: Final = "interest"

ALL: Final = "all"
"""Takes a choice of sections or purposes back; of boxes: the packets of all are carried."""

OWN: Final = "own"
"""Of boxes: only the packets of this device's own."""

AUTO: Final = "auto"
"""Of boxes: as it is best for who is no hub, or is one."""

HUB_KNOWN_MS: Final = 7 * 86_400_000
"""So long a hub counts after it was last connected: a laptop that is shut for a week-end changes nothing."""

_BOXES: Final = [LogNo(number) for number in range(LOG_BOX_0, MAX_LOGS_PER_AUTHOR)]
_NO_BOX: Final = EVERYTHING.logs & ~sum(1 << box for box in _BOXES)

MAX_AGE_MS: Final = 100 * 366 * 86_400_000
"""Longer ages are everything."""

_DAY_MS: Final = 86_400_000
"""An age is computed to the day, so that an interest does not change with every look."""

_ALWAYS: Final = (LOG_ID, LOG_PROFILE, LOG_DELETIONS)
"""Without these nothing that is held can be shown, or be let go when its author asks for it."""


class Choice(NamedTuple):
    """What a person chose. As made without arguments it is everything."""

    sections: tuple[bytes, ...] | None = None
    """Ids of 32 bytes, ascending; None: all."""
    purposes: tuple[LogNo, ...] | None = None
    """Numbers of logs, ascending; None: all."""
    age_ms: int = 0
    """Texts of older entries are not carried; 0: of any age are."""
    boxes: str = AUTO
    """Whose packets are carried: `AUTO`, `ALL` or `OWN`."""

    def interest(self, own_sections: Iterable[bytes], now_ms: int, only_box: LogNo | None = None) -> Interest:
        """What is told to the mesh. `only_box`: the one whose packets are carried; None: those of all.

        Raises:
            BadData: too many sections.
        """
        logs = EVERYTHING.logs
        if self.purposes is not None:
            logs = sum(1 << number for number in {*self.purposes, *_ALWAYS})
        sections = None if self.sections is None else {*self.sections, *own_sections}
        since_ms = max(0, now_ms - self.age_ms) // _DAY_MS * _DAY_MS if self.age_ms else 0
        try:
            bodies = EVERYTHING.logs if only_box is None else _NO_BOX | 1 << only_box
            return choose(logs, sections, since_ms, bodies)
        except ValueError as error:
            raise BadData(f"That cannot be chosen: {error}.", "Choose fewer sections, or all.") from error

    def encode(self) -> bytes:
        """The value of the setting."""
        sections = None if self.sections is None else [section.hex() for section in self.sections]
        plain = {"sections": sections, "purposes": self.purposes, "age_ms": self.age_ms, "boxes": self.boxes}
        return json.dumps(plain).encode()


def read_choice(home: Home) -> Choice:
    """What was chosen; everything where nothing was, or nothing that can be read."""
    value = home.tables.setting(SETTING)
    try:
        plain: dict[str, Any] = json.loads(value or b"{}")
        sections, purposes = plain.get("sections"), plain.get("purposes")
        return Choice(
            None if sections is None else tuple(sorted(map(bytes.fromhex, sections))),
            None if purposes is None else tuple(sorted(LogNo(int(number)) for number in purposes)),
            int(plain.get("age_ms", 0)),
            plain["boxes"] if plain.get("boxes") in (ALL, OWN) else AUTO,
        )
    except (ValueError, TypeError, AttributeError):
        return Choice()


class Nearby(NamedTuple):
    """What is known of other nodes beside what the home remembers."""

    is_hub: bool | None = None
    """Whether this node is a hub itself; None: as it was when it last ran."""
    hubs: Mapping[AuthorId, Heard] = {}
    """Hubs that the mesh has heard of."""
    interests: Mapping[AuthorId, Interest] = {}
    """What others said that they carry."""


_ALONE: Final = Nearby()


def interest_of(home: Home, now_ms: int, nearby: Nearby = _ALONE) -> Interest:
    """What a home tells the mesh that it carries. For the thread of the roster."""
    choice = read_choice(home)
    return choice.interest(own_sections(home), now_ms, only_box(home, choice, now_ms, nearby))


def only_box(home: Home, choice: Choice, now_ms: int, nearby: Nearby = _ALONE) -> LogNo | None:
    """The one box whose packets a home carries; None: it carries those of all."""
    if choice.boxes == AUTO:
        return box_of(home.device) if _leaves_them_to_hubs(home, now_ms, nearby) else None
    return box_of(home.device) if choice.boxes == OWN else None


def _leaves_them_to_hubs(home: Home, now_ms: int, nearby: Nearby) -> bool:
    """Is there a hub that was connected lately and takes our packets to anybody, and is this node none?"""
    known = merged(read_hubs(home), nearby.hubs)
    hubs = {device for device, heard in known.items() if now_ms - heard.connected_ms < HUB_KNOWN_MS}
    is_hub = home.device in hubs if nearby.is_hub is None else nearby.is_hub
    return not is_hub and any(
        home.allowed.admits_peer(device)
        and _takes_packets(home, nearby.interests.get(device, EVERYTHING), now_ms)
        for device in hubs - {home.device}
    )


def _takes_packets(home: Home, interest: Interest, now_ms: int) -> bool:
    return all(
        interest.carries(LogId(home.device, box), home.allowed.section_ids_of)
        and interest.wants_bodies(box, now_ms)
        for box in _BOXES
    )


def own_sections(home: Home) -> frozenset[bytes]:
    """The sections of a home's member: those he belongs to, belonged to, or is steward of."""
    if home.membership is None:
        return frozenset()
    roster = home.membership.roster
    root = roster.member_of(home.device)
    if root is None:
        return frozenset()
    member = roster.member(root)
    belongs = () if member is None else (*member.sections, *member.left)
    return frozenset((*belongs, *(section.id for section in roster.stewarded(root))))


class Wish(NamedTuple):
    """What a person wants otherwise than it is; None: as it is."""

    sections: tuple[bytes, ...] | None = None
    """Empty: all."""
    purposes: Sequence[str] | None = None
    age_ms: int | None = None
    """0: any age."""
    everything: bool = False
    boxes: str | None = None
    """`AUTO`, `ALL` or `OWN`."""

    def applied(self, choice: Choice) -> Choice:
        """The new choice. Raises: BadRequest: nothing is wanted; BadData: it is no such word."""
        is_empty = (self.sections, self.purposes, self.age_ms, self.boxes) == (None, None, None, None)
        if self.everything:
            if not is_empty:
                raise BadRequest("Everything leaves nothing to choose.", "Give --everything alone.")
            return Choice()
        if is_empty:
            raise BadRequest("Nothing was chosen.", "For example: aster interest set --purpose feed,docs")
        if self.sections is not None:
            choice = choice._replace(sections=tuple(sorted(set(self.sections))) or None)
        if self.purposes is not None:
            choice = choice._replace(purposes=_numbers(self.purposes))
        if self.age_ms is not None:
            choice = choice._replace(age_ms=self.age_ms if self.age_ms <= MAX_AGE_MS else 0)
        if self.boxes is not None:
            choice = choice._replace(boxes=_boxes(self.boxes))
        return choice


def _boxes(text: str) -> str:
    word = text.strip().casefold()
    if word not in (AUTO, ALL, OWN):
        raise BadData(f"{quoted(text)} says not whose packets to carry.", f"There are {OWN}, {ALL}, {AUTO}.")
    return word


def is_all(texts: Sequence[str]) -> bool:
    """Do these texts take a choice back?"""
    return [text.strip().casefold() for text in texts] == [ALL]


def _numbers(names: Sequence[str]) -> tuple[LogNo, ...] | None:
    if is_all(names):
        return None
    try:
        return tuple(sorted({log_number(name.strip().casefold()) for name in names if name.strip()}))
    except NotAnId as error:
        known = ", ".join(name for name in LOG_NAMES if not name.startswith(("log-", "box-")))
        listed = quoted(", ".join(names))
        raise BadData(f"Not every one of {listed} is a purpose.", f"There are {known}, and {ALL}.") from error
