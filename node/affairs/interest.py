"""What this home chose to carry: sections, purposes, age. Kept as a setting; told to the mesh.

`id` logs are carried whatever was chosen: who belongs. `profile` logs (what members are called) are among the
purposes always, but of members of sections that were left out they are not carried. The sections of this
home's own member are always chosen, or its own logs would reach nobody. A choice takes nothing out of the
store: what is held stays, but it is neither asked for nor compared any more.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from gossip.proto.interest import EVERYTHING, Interest, choose
from node.errors import BadData, BadRequest
from node.home import Home
from node.quoting import quoted
from store.ids import LOG_DELETIONS, LOG_ID, LOG_NAMES, LOG_PROFILE, LogNo, NotAnId, log_number

SETTING: Final = "interest"

ALL: Final = "all"
"""Takes a choice of sections or purposes back."""

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

    def interest(self, own_sections: Iterable[bytes], now_ms: int) -> Interest:
        """What is told to the mesh. Raises: BadData: too many sections."""
        logs = EVERYTHING.logs
        if self.purposes is not None:
            logs = sum(1 << number for number in {*self.purposes, *_ALWAYS})
        sections = None if self.sections is None else {*self.sections, *own_sections}
        since_ms = max(0, now_ms - self.age_ms) // _DAY_MS * _DAY_MS if self.age_ms else 0
        try:
            return choose(logs, sections, since_ms)
        except ValueError as error:
            raise BadData(f"That cannot be chosen: {error}.", "Choose fewer sections, or all.") from error

    def encode(self) -> bytes:
        """The value of the setting."""
        sections = None if self.sections is None else [section.hex() for section in self.sections]
        return json.dumps({"sections": sections, "purposes": self.purposes, "age_ms": self.age_ms}).encode()


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
        )
    except (ValueError, TypeError, AttributeError):
        return Choice()


def interest_of(home: Home, now_ms: int) -> Interest:
    """What a home tells the mesh that it carries. For the thread of the roster."""
    return read_choice(home).interest(own_sections(home), now_ms)


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

    def applied(self, choice: Choice) -> Choice:
        """The new choice. Raises: BadRequest: nothing is wanted; BadData: no such purpose."""
        if self.everything:
            if (self.sections, self.purposes, self.age_ms) != (None, None, None):
                raise BadRequest("Everything leaves nothing to choose.", "Give --everything alone.")
            return Choice()
        if (self.sections, self.purposes, self.age_ms) == (None, None, None):
            raise BadRequest("Nothing was chosen.", "For example: aster interest set --purpose feed,docs")
        if self.sections is not None:
            choice = choice._replace(sections=tuple(sorted(set(self.sections))) or None)
        if self.purposes is not None:
            choice = choice._replace(purposes=_numbers(self.purposes))
        if self.age_ms is not None:
            choice = choice._replace(age_ms=self.age_ms if self.age_ms <= MAX_AGE_MS else 0)
        return choice


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
