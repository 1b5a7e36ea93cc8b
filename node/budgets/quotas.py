"""What a member and a section may take of this disk: defaults, settings, exceptions. Pure.

    texts     bytes of bodies. Beyond it the oldest are let go here
    headers   bytes of headers with signatures. Beyond it no more of the logs is carried

Quotas are this node's own: others may have others, and nothing of it says that an entry is bad. What the
owner chose with `aster quota set` counts before `config.toml`, and that before the defaults.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from node.config import Config
from node.errors import BadRequest

SETTING: Final = "quotas"

MIB: Final = 2**20
GIB: Final = 2**30

MIN_BYTES: Final = MIB
"""Least quota: a member's profile and what he says in a day fits."""

MAX_BYTES: Final = 2**50
"""Largest quota, a pebibyte: as good as none."""

MAX_EXCEPTIONS: Final = 1_000
"""Members and sections with quotas of their own."""

DELETIONS_SHARE: Final = 4
"""Deletions and receipts are always carried, up to this part of the bound of headers: with a quarter of
256 MiB a member has a million entries deleted."""


class Allowance(NamedTuple):
    """What one member, or one section, may take, in bytes."""

    texts: int
    headers: int


class Quotas(NamedTuple):
    """All quotas of a node."""

    member: Allowance
    """Of each member who has none of his own."""
    section: Allowance
    members: Mapping[bytes, Allowance]
    """By what names a member: 32 bytes."""
    sections: Mapping[bytes, Allowance]
    """By section id."""

    def of_member(self, member: bytes) -> Allowance:
        """What a member may take."""
        return self.members.get(member, self.member)

    def of_section(self, section: bytes) -> Allowance:
        """What a section may take, all its members together."""
        return self.sections.get(section, self.section)


LAPTOP: Final = (Allowance(512 * MIB, 256 * MIB), Allowance(8 * GIB, 2 * GIB))
"""Of a member and of a section. 512 MiB are 1.7 million messages of 300 bytes: by hand nobody writes it."""

HUB: Final = (Allowance(4 * GIB, GIB), Allowance(64 * GIB, 16 * GIB))
"""A hub keeps what laptops let go."""

MEMBER: Final = "member"
SECTION: Final = "section"


class Choice(NamedTuple):
    """What the owner chose, as the setting has it; 0: nothing, so that the next lower counts."""

    member: Allowance = Allowance(0, 0)
    section: Allowance = Allowance(0, 0)
    members: Mapping[bytes, Allowance] = {}
    sections: Mapping[bytes, Allowance] = {}

    def encode(self) -> bytes:
        """The value of the setting."""
        plain = {
            "member": self.member,
            "section": self.section,
            "members": {who.hex(): each for who, each in self.members.items()},
            "sections": {who.hex(): each for who, each in self.sections.items()},
        }
        return json.dumps(plain).encode()


def read_choice(value: bytes | None) -> Choice:
    """What was chosen; nothing where nothing was, or nothing that can be read."""
    try:
        plain: dict[str, Any] = json.loads(value or b"{}")
        return Choice(
            _allowance(plain.get("member", (0, 0))),
            _allowance(plain.get("section", (0, 0))),
            _exceptions(plain.get("members", {})),
            _exceptions(plain.get("sections", {})),
        )
    except (ValueError, TypeError, AttributeError):
        return Choice()


def _exceptions(value: Mapping[str, Any]) -> dict[bytes, Allowance]:
    return {bytes.fromhex(who): _allowance(each) for who, each in value.items()}


def _allowance(value: Any) -> Allowance:  # noqa: ANN401 (from the setting)
    texts, headers = value
    return Allowance(int(texts), int(headers))


def quotas_of(config: Config, choice: Choice, *, hub: bool) -> Quotas:
    """What counts: the choice, else the settings, else the defaults of a laptop or a hub."""
    defaults = HUB if hub else LAPTOP
    settings = (
        Allowance(config.texts_member_mib * MIB, config.headers_member_mib * MIB),
        Allowance(config.texts_section_mib * MIB, config.headers_section_mib * MIB),
    )
    member, section = (
        _first(chosen, _first(said, default))
        for chosen, said, default in zip((choice.member, choice.section), settings, defaults, strict=True)
    )
    return Quotas(
        member,
        section,
        {who: _first(each, member) for who, each in choice.members.items()},
        {who: _first(each, section) for who, each in choice.sections.items()},
    )


def _first(upper: Allowance, lower: Allowance) -> Allowance:
    return Allowance(upper.texts or lower.texts, upper.headers or lower.headers)


class Wish(NamedTuple):
    """What the owner wants otherwise, for whom."""

    kind: str
    """`MEMBER` or `SECTION`."""
    who: bytes | None
    """32 bytes; None: each of them."""
    texts: int | None = None
    """Bytes; 0: as if nothing had been chosen; None: as it is."""
    headers: int | None = None

    def applied(self, choice: Choice) -> Choice:
        """The new choice.

        Raises:
            BadRequest: nothing is wanted, a size is out of bounds, or there are too many exceptions.
        """
        if self.texts is None and self.headers is None:
            raise BadRequest("Nothing was chosen.", "For example: aster quota set --member all --texts 1GiB")
        for size in (self.texts, self.headers):
            if size and not MIN_BYTES <= size <= MAX_BYTES:
                raise BadRequest(
                    f"A quota is from {MIN_BYTES:,} to {MAX_BYTES:,} bytes, not {size:,}.",
                    "Give a size such as 500MiB or 2GiB.",
                )
        is_member = self.kind == MEMBER
        if self.who is None:
            if is_member:
                return choice._replace(member=self._changed(choice.member))
            return choice._replace(section=self._changed(choice.section))
        exceptions = dict(choice.members if is_member else choice.sections)
        changed = self._changed(exceptions.pop(self.who, Allowance(0, 0)))
        if any(changed):
            exceptions[self.who] = changed
        if len(exceptions) > MAX_EXCEPTIONS:
            raise BadRequest(
                f"At most {MAX_EXCEPTIONS:,} have quotas of their own.", "Take one back: --texts default"
            )
        return choice._replace(members=exceptions) if is_member else choice._replace(sections=exceptions)

    def _changed(self, before: Allowance) -> Allowance:
        return Allowance(
            before.texts if self.texts is None else self.texts,
            before.headers if self.headers is None else self.headers,
        )
