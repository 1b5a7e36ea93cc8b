"""Settings of a home: `config.toml` and the environment, parsed into one value.

    ASTERISM_HOME             the home, else the platform's data directory
    ASTERISM_PASSPHRASE_FILE  a file whose first line is the home's passphrase
    NO_COLOR                  if set and not empty: no colours (https://no-color.org)

The caller hands over the text of the file and the environment; nothing here does I/O, and no other room
looks at the environment.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from node.errors import BadData
from node.paths import default_home

MAX_FILES_GIB: Final = 1_000_000
"""Room for files on one disk: a pebibyte."""

LAPTOP_FILES_GIB: Final = 10
"""Room for files where nothing is said: what a laptop can spare."""

HUB_FILES_GIB: Final = 100
"""The same for a hub, which keeps the files of its section."""

MAX_LISTEN: Final = 16
"""Most addresses to listen on; more is a mistake in the file."""

DEFAULT_LISTEN: Final = ("/ip4/0.0.0.0/tcp/0",)
"""Every IPv4 interface, a free port."""

PORTS: Final = range(20_000, 32_768)
"""Where `aster init` picks a port to listen at: below those that Linux lends to outgoing connections. It is
kept in the settings, so that others find the node again where they found it before."""

_TEXT: Final = """\
# Settings of this Asterism home. Changes count from the next `aster run`.

# Where to listen for other nodes (libp2p multiaddrs). The port was picked by chance when the home was made.
# Others find this node again where they found it before, so change it only if you have to; 0 takes any.
listen = ["/ip4/0.0.0.0/tcp/{port}"]

# Is this node always on, so that others may count on it? A hub has no right that others lack.
hub = false

# Look for other nodes in the local network? Off by default: whoever shares the network, in a cafe for
# instance, then learns that this device takes part.
mdns = false

# The languages that you read, the best first, for example ["de", "en", "pt-BR"]. What others wrote in another
# one is shown in a translation, where somebody made one. The first is the language of what you write, unless
# you say otherwise with --language. A change counts at once.
languages = []

# Room on the disk for files, in GiB. When it is full, files that are not pinned go, those unused for longest
# first; what you share yourself is pinned. Without a number: 10, for a hub 100.
# files_gib = 10

# Of that, what is kept without being asked for, of the files of one member and of one section. Without
# numbers: a tenth and a half of it.
# files_member_gib = 1
# files_section_gib = 5

# What texts of one member, and of one section, may take on the disk, in MiB: beyond it the oldest are let
# go here. And what their headers may take: beyond it no more of their logs is carried. Without numbers 512,
# 8192, 256 and 2048, for a hub 4096, 65536, 1024 and 16384. See: aster quota show
# texts_member_mib = 512
# texts_section_mib = 8192
# headers_member_mib = 256
# headers_section_mib = 2048
"""


_KEPT: Final = ("texts", "headers")
_WHOSE: Final = ("member", "section")


def first_text(port: int) -> str:
    """The settings of a new home, with comments for people. `port`: one of `PORTS`, or 0."""
    return _TEXT.format(port=port)


class Environment(NamedTuple):
    """What the environment says."""

    home: Path
    passphrase_file: Path | None
    colour: bool
    """False where `NO_COLOR` asks for none."""
    editor: str = ""
    """The command that `VISUAL` or `EDITOR` names; empty: none."""


class Config(NamedTuple):
    """What `config.toml` says."""

    listen: tuple[str, ...] = DEFAULT_LISTEN
    """Multiaddrs; checked for their shape only, `gossip.net.host` judges them."""
    hub: bool = False
    mdns: bool = False
    languages: tuple[str, ...] = ()
    """Tags of the languages that the owner reads, the best first."""
    files_gib: int = 0
    """Room on the disk for files; 0: nothing is said."""
    files_member_gib: int = 0
    """The same for files of one member that nobody here asked for."""
    files_section_gib: int = 0
    """The same for files of one section."""
    texts_member_mib: int = 0
    """Room for the texts of one member, see `node.budgets.quotas`; 0: nothing is said."""
    texts_section_mib: int = 0
    """The same of one section."""
    headers_member_mib: int = 0
    """Room for the headers of one member."""
    headers_section_mib: int = 0
    """The same of one section."""


def read_environment(variables: Mapping[str, str]) -> Environment:
    """What these environment variables say; empty ones count as not set."""
    home = variables.get("ASTERISM_HOME")
    passphrase_file = variables.get("ASTERISM_PASSPHRASE_FILE")
    return Environment(
        Path(home).expanduser().absolute() if home else default_home(),
        Path(passphrase_file).expanduser() if passphrase_file else None,
        not variables.get("NO_COLOR"),
        variables.get("VISUAL") or variables.get("EDITOR") or "",
    )


def parse(text: str) -> Config:
    """The settings in the text of a `config.toml`; what is left out has its default.

    Raises:
        BadData: no TOML, an unknown setting, or a value of the wrong type.
    """
    import tomllib  # late: only `aster run` reads the file

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _broken(f"it is not TOML: {error}") from error
    unknown = sorted(set(values) - set(Config._fields))
    if unknown:
        raise _broken(f"there is no setting {unknown[0]!r}; there are {', '.join(Config._fields)}")
    return Config(
        _addresses(values.get("listen", list(DEFAULT_LISTEN))),
        _switch(values, "hub"),
        _switch(values, "mdns"),
        _languages(values.get("languages", [])),
        *(_number(values, name, "GiB") for name in ("files_gib", "files_member_gib", "files_section_gib")),
        *(_number(values, f"{what}_{whose}_mib", "MiB") for what in _KEPT for whose in _WHOSE),
    )


def _addresses(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_LISTEN:
        raise _broken(f"listen is a list of at most {MAX_LISTEN} addresses")
    for address in value:
        if type(address) is not str or not address.startswith("/"):
            raise _broken(f"{address!r} is no address; one looks like {DEFAULT_LISTEN[0]}")
    return tuple(value)


def _languages(value: object) -> tuple[str, ...]:
    from node.languages import read_tags  # late: only who reads the file needs it

    if not isinstance(value, list) or not all(type(tag) is str for tag in value):
        raise _broken('languages is a list of tags, such as ["de", "en"]')
    try:
        return read_tags(value)
    except BadData as error:
        raise _broken(f"languages: {error.message[:1].lower()}{error.message[1:].rstrip('.')}") from error


def _number(values: Mapping[str, object], name: str, unit: str) -> int:
    value = values.get(name, 0)
    if name in values and (type(value) is not int or not 1 <= value <= MAX_FILES_GIB):
        raise _broken(f"{name} is a whole number of {unit} from 1 to {MAX_FILES_GIB:,}")
    return value if type(value) is int else 0


def _switch(values: Mapping[str, object], name: str) -> bool:
    value = values.get(name, False)
    if not isinstance(value, bool):
        raise _broken(f"{name} is true or false")
    return value


def _broken(why: str) -> BadData:
    return BadData(f"config.toml cannot be used: {why}.", "Correct config.toml in the home, or delete it.")
