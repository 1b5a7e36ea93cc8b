"""What can be asked about budgets: who takes how much of this disk, and who is at his bound. Synchronous."""

from collections.abc import Iterable
from typing import Final

from node.budgets.keeper import Standing, stand
from node.budgets.planning import Parties, Taken
from node.budgets.quotas import (
    MEMBER,
    SECTION,
    SETTING,
    Allowance,
    Quotas,
    Wish,
    quotas_of,
    read_choice,
)
from node.config import Config, parse
from node.errors import BadData, BadRequest, Missing
from node.federation.names import RootId, SectionId
from node.limits import DEFAULT_SHOWN, MAX_SHOWN
from node.looking import Json, Look
from node.naming import Names
from node.quoting import quoted
from node.store_faults import told_plainly
from store.ids import AuthorId, to_text
from store.search_text import normal_form
from store.sqlite.bodies_gone import LET_GO
from store.sqlite.holdings import HoldingTable

EACH: Final = "all"
"""Stands for each member, or each section, that has no quota of its own."""


class BudgetQueries:
    """Methods about budgets over one open home. Thread-safe."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self.hub = False
        """This node runs as a hub, whatever its settings say."""

    def quotas(self) -> Quotas:
        """What counts now; defaults where the settings cannot be read."""
        home = self._look.home
        try:
            config = parse(home.paths.config.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, BadData):
            config = Config()
        choice = read_choice(home.tables.setting(SETTING))
        return quotas_of(config, choice, hub=self.hub or config.hub)

    def parties(self, names: Names | None = None) -> Parties:
        """Who is who now. `names`: where they have been looked up."""
        names, census = names or self._look.names.now(), self._look.names.census()

        def sections(member: bytes) -> tuple[SectionId, ...]:
            known = None if census is None else census.members.get(RootId(member))
            return () if known is None else known.sections or known.left

        return Parties(names.bearer, sections, names.bearer(self._look.home.device))

    @told_plainly()
    def quota_show(self, limit: int | None = None) -> Json:
        """The quotas, and who takes how much, the largest first. At most `limit` members and sections."""
        most = min(DEFAULT_SHOWN if limit is None else limit, MAX_SHOWN)
        home, names = self._look.home, self._look.names.now()
        parties = self.parties(names)
        standing = stand(HoldingTable(home.database).all(), parties, self.quotas())
        usage, quotas = standing.usage, standing.quotas
        members = [
            {
                **self._member(member, names),
                **_taken(taken, quotas.of_member(member)),
                "own": member == parties.own,
                "exception": member in quotas.members,
                "full": member in standing.plan.full,
            }
            for member, taken in _largest(usage.members.items(), most)
        ]
        sections = [
            {
                "section": to_text(section),
                "name": self._section_name(section),
                **_taken(taken, quotas.of_section(section)),
                "exception": section in quotas.sections,
            }
            for section, taken in _largest(usage.sections.items(), most)
        ]
        with home.entries.views() as views:
            [(count, size)] = views.execute(
                "SELECT count(*), coalesce(sum(size), 0) FROM bodies_gone WHERE why = ?", (LET_GO,)
            )
        return {
            "member": _allowed(quotas.member),
            "section": _allowed(quotas.section),
            "members": members,
            "sections": sections,
            "let_go": {"texts": count, "bytes": size},
        }

    @told_plainly()
    def at_bound(self, names: Names) -> list[str]:
        """The names of members of whose logs no more is carried, or whose texts are let go."""
        parties = self.parties(names)
        standing: Standing = stand(HoldingTable(self._look.home.database).all(), parties, self.quotas())
        found = {*standing.plan.full, *standing.plan.full_of_deletions}
        for member, taken in standing.usage.members.items():
            if member != parties.own and _is_near(taken, standing.quotas.of_member(member)):
                found.add(member)
        return sorted(map(names.of_bearer, found))

    @told_plainly()
    def quota_set(
        self,
        member: str | None = None,
        section: str | None = None,
        texts: int | None = None,
        headers: int | None = None,
    ) -> Json:
        """Choose quotas in bytes: of one member or section, or of each of them (``all``). 0 takes back."""
        if (member is None) == (section is None):
            raise BadRequest(
                "Quotas are a member's or a section's.", "Give --member NAME or --section NAME, or all."
            )
        if member is not None:
            wish = Wish(MEMBER, None if _is_each(member) else self._find_member(member), texts, headers)
        else:
            assert section is not None
            wish = Wish(SECTION, None if _is_each(section) else self._find_section(section), texts, headers)
        tables = self._look.home.tables
        choice = wish.applied(read_choice(tables.setting(SETTING)))
        tables.set({SETTING: choice.encode()})
        return self.quota_show()

    def _find_member(self, text: str) -> bytes:
        device = next(iter(self._look.authors(text)))
        return self._look.names.now().bearer(device)

    def _find_section(self, text: str) -> bytes:
        census = self._look.names.census()
        sections = () if census is None else tuple(census.sections.values())
        wanted = normal_form(text.strip())
        found = [
            section.id
            for section in sections
            if normal_form(section.terms.name) == wanted or to_text(section.id) == text.strip().lower()
        ]
        if len(found) != 1:
            known = "There is no section" if not found else "There are several sections"
            raise Missing(f"{known} {quoted(text)} here.", "See: aster section list")
        return found[0]

    def _member(self, member: bytes, names: Names) -> Json:
        device = AuthorId(member)
        is_member = self._look.names.census() is not None and names.bearer(device) == member
        return {"member": to_text(member) if is_member else None, "name": names.of_bearer(member)}

    def _section_name(self, section: bytes) -> str:
        census = self._look.names.census()
        known = None if census is None else census.sections.get(SectionId(section))
        return to_text(section)[:10] if known is None else known.terms.name


def _is_each(text: str) -> bool:
    return text.strip().casefold() == EACH


def _is_near(taken: Taken, allowed: Allowance) -> bool:
    """Within a tenth of the quota: texts of his are let go, or soon will be."""
    return taken.texts >= allowed.texts * 9 // 10


def _largest(taken: Iterable[tuple[bytes, Taken]], most: int) -> list[tuple[bytes, Taken]]:
    return sorted(taken, key=lambda pair: (-sum(pair[1]), pair[0]))[:most]


def _taken(taken: Taken, allowed: Allowance) -> Json:
    return {
        "texts_bytes": taken.texts,
        "texts_quota": allowed.texts,
        "headers_bytes": taken.headers + taken.deletions,
        "headers_quota": allowed.headers,
    }


def _allowed(allowed: Allowance) -> Json:
    return {"texts_quota": allowed.texts, "headers_quota": allowed.headers}
