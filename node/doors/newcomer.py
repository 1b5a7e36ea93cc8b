"""The door of a machine that has no home yet: found a federation, join one, link a further device, recover.

Synchronous, and imported late by the command. Words are turned into a root key here, which signs and is
forgotten; they stand in no error. Each function makes a whole home or leaves nothing behind, and touches no
home that is there: `node.newcomers.staging` says how.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from node.errors import BadData
from node.federation import code as codes
from node.federation.bare import ENTROPY_BYTES, NO_NETWORK, cut_message, root_key, root_of
from node.federation.code import Contact, Invite
from node.federation.guest_effects import Chartered
from node.federation.inception import SignedInception, Terms, read_inception
from node.federation.names import RootId
from node.federation.phrase import DEFAULT_LANGUAGE, languages, new_phrase, read_phrase
from node.federation.statements import FOR_SECTIONS
from node.founding import begin_section, found_federation
from node.home import open_home, read_network_file
from node.limits import MAX_READ_BYTES
from node.network_file import check_name
from node.newcomers import recovery, section_file
from node.newcomers.attempt import Place, Tell, bring_in, describe, left_by_earlier, make_aside
from node.newcomers.joining import Way, look, remember_hub, root_in
from node.newcomers.staging import Staging
from node.paths import Paths
from store.crypto import SigningKey, self_test
from store.ids import LOG_ID, NetworkId, from_text, to_text
from store.log import LogId

__all__ = [
    "DEFAULT_LANGUAGE",
    "KeepWords",
    "Person",
    "Place",
    "SectionWish",
    "check_words",
    "draft",
    "found",
    "join",
    "languages",
    "link",
    "may_recover",
    "new_words",
    "read_charter",
    "recover",
    "sign_cut",
]

Json = dict[str, Any]


class KeepWords(Protocol):
    """Where a new member's words go."""

    def check(self) -> None:
        """Check that they can be kept. Raises: NodeError."""
        ...

    def keep(self, phrase: str) -> None:
        """Have a person keep them. Raises: NodeError."""
        ...

    def earlier(self) -> str | None:
        """What an earlier attempt left where words go, if anything can be found there."""
        ...

    def forget(self) -> None:
        """The words that were kept are of no use."""
        ...


class Person(NamedTuple):
    """Somebody new."""

    name: str
    """What others read."""
    device: str = ""
    """What the device at hand is called among theirs; empty: after its id."""

    def check(self) -> None:
        """Check the names. Raises: BadData."""
        check_name(self.name)
        if self.device:
            check_name(self.device)


class SectionWish(NamedTuple):
    """What a new section is to be, with the one who founds it as its only steward."""

    name: str
    territory: str = ""
    languages: tuple[str, ...] = ()

    def terms(self, root: SigningKey) -> Terms:
        """The terms of the section, in the form that is kept. Raises: BadData."""
        return Terms(
            check_name(self.name), self.territory.strip(), self.languages, (root_of(root),), threshold=1
        )


class _Newcomer:
    """A member who begins: a root key, and the words for it."""

    def __init__(self, words: KeepWords, language: str) -> None:
        entropy = os.urandom(ENTROPY_BYTES)
        self.root = root_key(entropy)
        self._phrase = new_phrase(entropy, language)
        self._words = words

    def keep_words(self) -> None:
        """Have the words kept. Raises: NodeError."""
        self._words.keep(self._phrase)


def found(
    place: Place,
    name: str,
    person: Person,
    section: SectionWish,
    others: Sequence[str],
    endorsements: int | None,
    words: KeepWords,
    language: str,
) -> Json:
    """Found a federation with this section and those in the files `others` (their texts).

    Raises: as `node.founding.found_federation` and `create_home`, and what `words` raise.
    """
    self_test()
    with Staging(place.paths, "found") as staging:
        words.check()
        person.check()
        newcomer = _Newcomer(words, language)
        own = _begin(section, newcomer.root, NO_NETWORK)
        charter = found_federation(name, [own, *map(section_file.read, others)], endorsements)
        newcomer.keep_words()
        try:
            staging.restart("found")
            make_aside(staging, place, charter, newcomer.root, person.name, person.device)
            with open_home(staging.stage, place.ask, writing=False) as home:
                answer = describe(home)
            staging.move()
        except BaseException:
            words.forget()
            raise
    return {**answer, "section": to_text(own.section), "endorsements": charter.endorsements}


def draft(section: SectionWish, by: str, words: KeepWords, language: str) -> Json:
    """A founding section for a federation that somebody else founds: `file` (text), `section`, `member`.

    Raises: as `node.founding.begin_section`, and what `words` raise.
    """
    self_test()
    words.check()
    newcomer = _Newcomer(words, language)
    own = _begin(section, newcomer.root, NO_NETWORK)
    text = section_file.write(own, check_name(by) if by else "")
    newcomer.keep_words()
    return {"file": text, "section": to_text(own.section), "member": to_text(root_of(newcomer.root))}


def new_words(words: KeepWords, language: str) -> Json:
    """Words for somebody whom stewards will let in by hand, or who gets a new root: `member`, what they name.

    Raises: what `words` raise; BadData: there is no list for the language.
    """
    self_test()
    words.check()
    newcomer = _Newcomer(words, language)
    newcomer.keep_words()
    return {"member": to_text(root_of(newcomer.root))}


def join(
    place: Place,
    code: str,
    person: Person,
    words: KeepWords,
    language: str,
    tell: Tell,
    section: SectionWish | None = None,
) -> Json:
    """Become a member with an invite; with `section`, begin a new section.

    Raises: as `node.newcomers.joining.look` and `arrive`, `create_home`, and what `words` raise.
    """
    self_test()
    way = Way(_invite(code), None)
    person.check()
    intent = "join" if section is None else f"section {section.name}"
    with Staging(place.paths, intent) as staging:
        root = left_by_earlier(staging, place, way)
        if root is not None:
            _check_earlier(words, root, staging)
            tell({"event": "going-on"})
            return bring_in(staging, place, way, tell, person.name)
        words.check()
        newcomer = _Newcomer(words, language)
        if section is not None:
            begin_section(
                section.terms(newcomer.root), [newcomer.root], NO_NETWORK
            )  # to see whether it can be
        chartered = _look(way, tell)
        _check_purpose(chartered, section)
        begun = None if section is None else _begin(section, newcomer.root, chartered.network)
        newcomer.keep_words()
        try:
            staging.restart(intent)
            make_aside(staging, place, chartered.charter, newcomer.root, person.name, person.device, begun)
            return bring_in(staging, place, way, tell, person.name)
        except BaseException:
            if not staging.is_kept:
                words.forget()
            raise


def link(
    place: Place,
    code: str,
    phrase: str,
    device_name: str,
    person: str | None,
    tell: Tell,
    *,
    recovering: bool = False,
) -> Json:
    """Make a home with a further device of the member whose words these are.

    `person`: what others read, for a member who has published no name yet.

    Raises: as `join`; BadData: the words are none.
    """
    self_test()
    root = root_key(read_phrase(phrase))
    way = Way(codes.parse(code), root)
    with Staging(place.paths, "link") as staging:
        if left_by_earlier(staging, place, way) is not None:
            tell({"event": "going-on"})
        else:
            chartered = _look(way, tell)
            staging.restart("link")
            make_aside(staging, place, chartered.charter, root, person, device_name)
        return bring_in(staging, place, way, tell, person, recovering=recovering)


def may_recover(paths: Paths) -> bool:
    """Was recovery begun in the home that is there, and cut off before a device was cut? False: no home."""
    return paths.network.exists() and recovery.is_begun(paths)


def _linked_earlier(place: Place, contact: Invite | Contact, root: RootId) -> Json:
    """The home that an earlier recovery linked. Raises: BadData: of another member or network."""
    with open_home(place.paths, place.ask, writing=True) as home:
        answer = describe(home)
        own = root_in(home.entries.range(LogId(home.device, LOG_ID), 1, 1, MAX_READ_BYTES), home)
        if own != root or not home.network.startswith(contact.network):
            raise BadData(
                "The home that is here was linked with other words, or for another federation.",
                "Give the words and a code of that one, or let ASTERISM_HOME name an empty place.",
            )
        remember_hub(home, contact)
    return {**answer, "nameless": False, "pending": False, "hub": to_text(contact.hub)}


def recover(
    place: Place,
    code: str,
    phrase: str,
    device_name: str,
    chosen: Sequence[str],
    before_ms: int | None,
    agrees: Callable[[list[Json]], bool],
    tell: Tell,
) -> Json:
    """Link a new device, bring it up to date, and cut the member's others once `agrees` has seen it.

    `chosen`: names or ids of the devices to be cut; empty: all others. `before_ms`: what they claim to have
    written later is cut too; None: nothing that the hub holds.

    What was cut off after the device was linked goes on from there.

    Raises: as `link`; Missing, Ambiguous: no such device. Once the device is linked it stays so.
    """
    contact, root = codes.parse(code), root_key(read_phrase(phrase))
    if may_recover(place.paths):
        answer = _linked_earlier(place, contact, root_of(root))
        tell({"event": "going-on"})
    else:
        answer = link(place, code, phrase, device_name, None, tell, recovering=True)
    cut = recovery.recover(place.paths, place.ask, contact.hub, root, chosen, agrees, tell, before_ms)
    return {**answer, **cut}


def read_charter(paths: Paths) -> Json:
    """What the charter of a home says: `network`, `network_name`, `endorsements`, `founding_sections`.

    Raises: as `node.home.read_network_file`.
    """
    charter = read_network_file(paths.network)
    sections = [read_inception(data) for data in charter.inceptions]
    return {
        "network": to_text(charter.network_id()),
        "network_name": charter.name,
        "endorsements": min(charter.endorsements, len(sections)),
        "founding_sections": [
            {
                "section": to_text(each.section),
                "name": each.terms.name,
                "territory": each.terms.territory,
                "languages": list(each.terms.languages),
            }
            for each in sections
        ],
    }


def check_words(text: str) -> None:
    """Check that these are the words of some root. Raises: BadData: what is wrong with them."""
    read_phrase(text)


def sign_cut(phrase: str, network: str, cut: str) -> str:
    """The signature (hex) of a cut (hex) by the root of these words. `network`: its id, as text.

    Raises: BadData: the words are none.
    """
    root = root_key(read_phrase(phrase))
    return root.sign(cut_message(NetworkId(from_text(network)), bytes.fromhex(cut))).hex()


def _invite(text: str) -> Invite:
    code = codes.parse(text)
    if isinstance(code, Contact):
        raise BadData(
            "This code is for a further device of a member, and no invite.",
            "Somebody new needs an invite from a steward. With your 24 words: aster device link CODE",
        )
    return code


def _look(way: Way, tell: Tell) -> Chartered:
    tell({"event": "looking", "address": way.code.place.text()})
    chartered = look(way)
    tell({"event": "found", "network_name": chartered.charter.name, "network": to_text(chartered.network)})
    return chartered


def _check_purpose(chartered: Chartered, section: SectionWish | None) -> None:
    if section is not None and chartered.purpose != FOR_SECTIONS:
        raise BadData("This invite is for members, and not for a section.", "aster join CODE --name NAME")
    if section is None and chartered.purpose == FOR_SECTIONS:
        raise BadData(
            "This invite is for a new section, and not for a member.",
            "aster section join CODE --name SECTION --as NAME",
        )


def _begin(section: SectionWish, root: SigningKey, network: NetworkId) -> SignedInception:
    return begin_section(section.terms(root), [root], network)


def _check_earlier(words: KeepWords, root: RootId, staging: Staging) -> None:
    """Check that no other words are where those of an earlier attempt should be. Raises: BadData."""
    earlier = words.earlier()
    if earlier is not None and root_of(root_key(read_phrase(earlier))) != root:
        raise BadData(
            "An earlier attempt was cut off; it had other words than those in the file.",
            f"Name the file of that attempt, or remove {staging.stage.home} to begin anew.",
        )
