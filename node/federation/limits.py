"""The limits of a federation: name, unit, reason. docs/protocol/federation.md has them too."""

from typing import Final

MAX_SECTION_NAME_CHARS: Final = 64
"""Fits a line of a terminal."""

MAX_TERRITORY_CHARS: Final = 100
MAX_LANGUAGES: Final = 16
MIN_LANGUAGE_CHARS: Final = 2
MAX_LANGUAGE_CHARS: Final = 35
"""The longest tag that RFC 5646, section 4.4.1 asks programs to take."""

MAX_STEWARDS: Final = 15
"""Of a section. With their signatures an inception fits an entry of 2,048 bytes."""

MAX_DEVICE_NAME_CHARS: Final = 64
MAX_DEVICES: Final = 16
"""Devices of one member that count at a time."""

MAX_DEVICES_EVER: Final = 64
"""Devices of one root, revoked ones too, beyond which a host takes no further one in."""

MAX_SUCCESSIONS: Final = 8
"""How often in a row a member's root is replaced, and how often the strata are computed for it."""

MAX_USES: Final = 50
"""Of an invite: a settlement that lists so many roots fits an entry."""

MAX_STANDING_CLAIMS: Final = 64
"""Claims on one grant that stand until it is settled: what a stolen code can let in for so long."""

MAX_CANDIDATES: Final = 8
"""Sections that one grant lets wait for endorsements."""

MAX_PARENTS: Final = 8
"""A state and the rivals after it that a change chooses between."""

MAX_ENDS: Final = 40
"""Devices of retired stewards that a change names."""

MAX_CUTS: Final = 16
"""Devices that one end or replacement names."""

MAX_LOGS_CUT: Final = 32
"""As many logs as a device has."""

MAX_FOUNDING_SECTIONS: Final = 16

MAX_PASSPORT_BYTES: Final = 1_200

MAX_STATEMENT_ITEMS: Final = 256
"""Values in one list of a statement."""
