"""The inception of a section: what it is called, where it is, and who its stewards are. Pure.

Canonical msgpack ``[1, name, territory, languages, stewards, threshold, salt]``; signed, it is
``[inception, [signature, …]]`` with one signature a steward. docs/protocol/federation.md, "Bare statements".
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from node.federation import limits
from node.federation.bare import NO_NETWORK, check, inception_message, section_id
from node.federation.names import InvalidStatement, RootId, SectionId, are_ascending, is_id, is_plain
from store.codec import decode, encode
from store.crypto import SIGNATURE_BYTES, SigningKey
from store.errors import BadSignature, NotCanonical
from store.ids import NetworkId

VERSION: Final = 1
SALT_BYTES: Final = 16
_ITEMS: Final = 7
_TAG_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
MAX_BYTES: Final = 2_048


class Terms(NamedTuple):
    """What a section is at one time; an inception and each change have all of it."""

    name: str
    """1 to 64 characters."""
    territory: str
    """Up to 100 characters."""
    languages: tuple[str, ...]
    """BCP 47 tags."""
    stewards: tuple[RootId, ...]
    """Ascending."""
    threshold: int
    """How many of them act together: more than half."""


class SignedInception(NamedTuple):
    """An inception whose signatures fit."""

    section: SectionId
    terms: Terms
    founding: bool
    """Signed for a charter, not for a network that exists."""
    data: bytes
    """``[inception, [signature, …]]``."""


def check_terms(terms: Terms) -> None:
    """Check the rules for what a section is. Raises: InvalidStatement: which one is broken."""
    name, territory, languages, stewards, threshold = terms
    if not is_plain(name, 1, limits.MAX_SECTION_NAME_CHARS):
        raise InvalidStatement("a section's name has 1 to 64 characters on one line")
    if not is_plain(territory, 0, limits.MAX_TERRITORY_CHARS):
        raise InvalidStatement("a territory has at most 100 characters on one line")
    if type(languages) is not tuple or len(languages) > limits.MAX_LANGUAGES:
        raise InvalidStatement("a section names at most 16 languages")
    if not all(map(_is_tag, languages)) or len(set(languages)) != len(languages):
        raise InvalidStatement("languages are tags such as de or pt-BR, each named once")
    if type(stewards) is not tuple or not 1 <= len(stewards) <= limits.MAX_STEWARDS:
        raise InvalidStatement("a section has 1 to 15 stewards")
    if not all(map(is_id, stewards)) or not are_ascending(stewards):
        raise InvalidStatement("stewards are named by their roots, in order, each once")
    if type(threshold) is not int or not len(stewards) < 2 * threshold <= 2 * len(stewards):
        raise InvalidStatement(
            f"of {len(stewards)} stewards more than half act together, and not more than there are:"
            f" {len(stewards) // 2 + 1} to {len(stewards)}, not {threshold}"
        )


def _is_tag(value: object) -> bool:
    return (
        type(value) is str
        and limits.MIN_LANGUAGE_CHARS <= len(value) <= limits.MAX_LANGUAGE_CHARS
        and _TAG_CHARS.issuperset(value)
        and value[0].isalpha()
    )


def encode_inception(terms: Terms, salt: bytes) -> bytes:
    """The bytes of an inception; `salt` is 16 random bytes. Raises: InvalidStatement."""
    check_terms(terms)
    if len(salt) != SALT_BYTES:
        raise InvalidStatement("the salt of an inception has 16 bytes")
    name, territory, languages, stewards, threshold = terms
    return encode([VERSION, name, territory, languages, stewards, threshold, salt])


def sign_inception(inception: bytes, keys: Sequence[SigningKey], network: NetworkId = NO_NETWORK) -> bytes:
    """The signed form, by the root keys of all stewards in any order.

    Raises:
        InvalidStatement: the keys are not those of the stewards.
    """
    message = inception_message(network, inception)
    by_root = sorted(keys, key=lambda key: key.author)
    data = encode([inception, [key.sign(message) for key in by_root]])
    read_inception(data, network)
    return data


def read_inception(data: bytes, network: NetworkId = NO_NETWORK) -> SignedInception:
    """The signed inception that these bytes are, signatures checked.

    Raises:
        InvalidStatement: they are none, or a signature does not fit.
    """
    try:
        outer = decode(data, MAX_BYTES, limits.MAX_STATEMENT_ITEMS)
        if type(outer) is not tuple or len(outer) != 2 or type(outer[0]) is not bytes:
            raise InvalidStatement("a signed inception is a list of two values")
        inner = decode(outer[0], MAX_BYTES, limits.MAX_STATEMENT_ITEMS)
    except NotCanonical as error:
        raise InvalidStatement("this is no inception") from error
    terms = _terms_of(inner)
    signatures = outer[1]
    if type(signatures) is not tuple or len(signatures) != len(terms.stewards):
        raise InvalidStatement("an inception is signed by each of its stewards")
    message = inception_message(network, outer[0])
    try:
        for steward, signature in zip(terms.stewards, signatures, strict=True):
            if type(signature) is not bytes or len(signature) != SIGNATURE_BYTES:
                raise InvalidStatement("a signature has 64 bytes")
            check(steward, signature, message)
    except BadSignature as error:
        raise InvalidStatement("a steward's signature of the inception does not fit") from error
    return SignedInception(section_id(network, outer[0]), terms, network == NO_NETWORK, data)


def _terms_of(value: object) -> Terms:
    if type(value) is not tuple or len(value) != _ITEMS or type(value[0]) is not int or value[0] != VERSION:
        raise InvalidStatement("an inception of a version that this program does not know")
    if type(value[6]) is not bytes or len(value[6]) != SALT_BYTES:
        raise InvalidStatement("the salt of an inception has 16 bytes")
    terms = Terms(*value[1:6])
    check_terms(terms)
    return terms
