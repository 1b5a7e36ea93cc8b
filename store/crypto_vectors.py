"""Edge cases on which Ed25519 libraries disagree, for the start-up self-test of `store.crypto`.

Each case is (name, public key 32 bytes, signature 64 bytes, message).
"""

from typing import Final

Case = tuple[str, bytes, bytes, bytes]

ACCEPTED: Final[tuple[Case, ...]] = ()
REFUSED: Final[tuple[Case, ...]] = ()
