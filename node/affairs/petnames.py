"""Petnames: what this home calls members. They are its owner's own and travel nowhere. Synchronous.

A petname goes before what a member calls himself, and is trusted: it names whom it was given to.
"""

from node.affairs.queries import FederationQueries
from node.affairs.shown import Json
from node.errors import Missing, TextTooLarge
from node.federation.names import RootId
from node.network_file import check_name
from node.quoting import quoted
from node.store_faults import told_plainly
from store.errors import NotFound, TooLarge
from store.ids import NotAnId, from_text, to_text
from store.sqlite.petnames import PetnameTable


class Petnames:
    """Gives and takes petnames. The home must be open for writing."""

    def __init__(self, queries: FederationQueries) -> None:
        self._queries = queries
        self._table = PetnameTable(queries.home.database)

    @told_plainly()
    def give(self, who: str, name: str) -> Json:
        """Call a member by a name; the answer of `petname/set`.

        Raises:
            Missing, Ambiguous: nobody or several are meant. BadData: the name breaks a rule.
            TextTooLarge, DiskFull: as they say.
        """
        member = self._queries.member(who).id
        try:
            self._table.put(member, check_name(name))
        except TooLarge as error:
            raise TextTooLarge(f"No more can be kept: {error}.", "Take one away first.") from error
        return self._shown(member)

    @told_plainly()
    def take(self, who: str) -> Json:
        """Take a member's petname away; the answer of `petname/remove`. Raises: Missing, Ambiguous."""
        member = self._member(who)
        try:
            self._table.remove(member)
        except NotFound as error:
            raise Missing(f"{quoted(who)} has no petname here.", "See: aster petname") from error
        return self._shown(member)

    def _member(self, who: str) -> RootId:
        """A member by what names him; by his whole id also one whom the roster does not know any more."""
        try:
            whole = RootId(from_text(who.strip()))
        except NotAnId:
            return self._queries.member(who).id
        return whole if whole in self._table.all() else self._queries.member(who).id

    def _shown(self, member: RootId) -> Json:
        names = self._queries.names.now()
        return {
            "member": to_text(member),
            "name": names.of_bearer(member),
            "petname": self._table.all().get(member),
        }
