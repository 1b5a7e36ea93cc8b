"""What root keys and invite keys sign: bytes with a domain, a version and the network id. Pure.

Nothing else is ever signed by them; devices sign entries, see `store.entry`.
"""

from typing import Final

from node.federation.names import ActId, RootId, SectionId
from store.crypto import SigningKey, digest, keyed_digest, verify
from store.entry import SALT_BYTES
from store.ids import AuthorId, EntryId, NetworkId

NO_NETWORK: Final = NetworkId(bytes(32))
"""Founding inceptions are signed under this: the network's id is not known before them."""

NONCE_BYTES: Final = 16
SECRET_BYTES: Final = 16
"""Of an invite."""

ENTROPY_BYTES: Final = 32
"""What 24 words carry."""

_INCEPTION: Final = b"asterism/inception/1\x00"
_DEVICE: Final = b"asterism/device/1\x00"
_CUT: Final = b"asterism/cut/1\x00"
_CLAIM: Final = b"asterism/claim/1\x00"
_RETURN: Final = b"asterism/return/1\x00"
_SECTION: Final = b"asterism/section/1\x00"
_ACT: Final = b"asterism/act/1\x00"
_ROOT_KEY: Final = b"asterism/root/1"
_INVITE_KEY: Final = b"asterism/invite/1"
_SEED_BYTES: Final = 32


def root_key(entropy: bytes) -> SigningKey:
    """The root key of 32 bytes of entropy (24 words)."""
    return SigningKey(keyed_digest(_ROOT_KEY, entropy, _SEED_BYTES))


def invite_key(secret: bytes) -> SigningKey:
    """The key of an invite with this secret (16 bytes)."""
    return SigningKey(keyed_digest(_INVITE_KEY, secret, _SEED_BYTES))


def root_of(key: SigningKey) -> RootId:
    """The member that a root key names, 32 bytes."""
    return RootId(bytes(key.author))


def inception_message(network: NetworkId, inception: bytes) -> bytes:
    """What each steward's root signs about an inception; `NO_NETWORK` for founding sections."""
    return _INCEPTION + network + inception


def device_message(network: NetworkId, device: AuthorId) -> bytes:
    """What a root signs about a device of its own."""
    return _DEVICE + network + device


def cut_message(network: NetworkId, cut: bytes) -> bytes:
    """What a root signs about where the logs of a device of its own end."""
    return _CUT + network + cut


def claim_message(
    network: NetworkId, grant: EntryId, root: RootId, device: AuthorId, hub: AuthorId, nonce: bytes
) -> bytes:
    """What an invite key signs: who uses it, from which device, at which hub, in answer to which nonce."""
    return _CLAIM + network + grant + root + device + hub + nonce


def return_message(hub: AuthorId, device: AuthorId, nonce: bytes) -> bytes:
    """What a root signs to show a hub that a new device is its own."""
    return _RETURN + hub + device + nonce


def section_id(network: NetworkId, inception: bytes) -> SectionId:
    """The id of a section; `NO_NETWORK` for founding sections."""
    return SectionId(digest(_SECTION + network + inception))


def act_id(network: NetworkId, body: bytes) -> ActId:
    """The id of the act in an entry's body (16 bytes of salt and the content)."""
    return ActId(digest(_ACT + network + body[SALT_BYTES:]))


def check(key: bytes, signature: bytes, message: bytes) -> None:
    """Check a 64-byte signature. Raises: BadSignature."""
    verify(key, signature, message)
