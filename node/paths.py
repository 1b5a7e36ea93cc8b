"""Where things lie in a home. Names only: nothing here creates, opens or reads a file.

config.toml       settings for people
network.aster     the charter as a network file
keys/             home.key and device.key, see `node.keyring`
store/            log.db, search.db and blobs.db, all encrypted; recovering, see `Paths`
blobs/            chunks of files, each sealed; see `store.sqlite.chunk_folder`
lock              held by whoever may write
control.sock      the control door; control.path names it where the home's path is too long
daemon.log        what the daemon did; no bodies and no secrets
"""

from pathlib import Path
from typing import Final, NamedTuple

MAX_SOCKET_PATH_BYTES: Final = 100
"""Longest path of a Unix socket that we bind; the systems' own limits are 104 (macOS) and 108 (Linux)."""

HOME_MODE: Final = 0o700
"""Mode of the home and of the directories in it: the owner alone."""

FILE_MODE: Final = 0o600
"""Mode of every file in the home."""


class Paths(NamedTuple):
    """The paths of one home."""

    home: Path

    @property
    def config(self) -> Path:
        """Settings, written by `aster init` with comments."""
        return self.home / "config.toml"

    @property
    def network(self) -> Path:
        """The charter of the home's network."""
        return self.home / "network.aster"

    @property
    def keys(self) -> Path:
        """Directory of the keyring."""
        return self.home / "keys"

    @property
    def home_key(self) -> Path:
        """The key that opens everything else, at rest."""
        return self.keys / "home.key"

    @property
    def device_key(self) -> Path:
        """The seed of the device key, sealed."""
        return self.keys / "device.key"

    @property
    def store(self) -> Path:
        """Directory of the databases."""
        return self.home / "store"

    @property
    def log_db(self) -> Path:
        """Entries, views, settings, peers."""
        return self.store / "log.db"

    @property
    def search_db(self) -> Path:
        """The full-text index; may be deleted at any time."""
        return self.store / "search.db"

    @property
    def blobs_db(self) -> Path:
        """Which blobs are held, of which chunks they consist, and which are pinned."""
        return self.store / "blobs.db"

    @property
    def blobs(self) -> Path:
        """Directory of the chunks of files."""
        return self.home / "blobs"

    @property
    def recovering(self) -> Path:
        """There while lost devices are to be cut from this home and have not been; empty."""
        return self.store / "recovering"

    @property
    def lock(self) -> Path:
        """The lock file; its content says nothing."""
        return self.home / "lock"

    @property
    def control_socket(self) -> Path:
        """The control socket, where its path is at most `MAX_SOCKET_PATH_BYTES` long."""
        return self.home / "control.sock"

    @property
    def control_path(self) -> Path:
        """Holds the real path of the control socket where that of `control_socket` is too long."""
        return self.home / "control.path"

    @property
    def daemon_log(self) -> Path:
        """The daemon's log."""
        return self.home / "daemon.log"


def default_home() -> Path:
    """The platform's directory for a user's data, where `$ASTERISM_HOME` names no other."""
    import platformdirs  # late: most commands are told their home, and this costs 5 ms

    return Path(platformdirs.user_data_dir("asterism", appauthor=False))
