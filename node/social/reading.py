"""The languages of this home's owner, as config.toml has them at the moment. Synchronous, thread-safe."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from node.config import parse
from node.errors import BadData
from node.languages import read_tags

MAX_FILE_BYTES: Final = 1_000_000
"""Settings for people are far smaller."""


class ReaderLanguages:
    """Reads the file again only after it changed."""

    def __init__(self, path: Path) -> None:
        """`path`: of config.toml, which need not exist."""
        self._path = path
        self._kept: tuple[tuple[int, int] | None, tuple[str, ...]] = (None, ())
        """When the file was changed and how long it is, and what it says: replaced together."""

    def now(self) -> tuple[str, ...]:
        """Tags, the best first. Raises: BadData: config.toml cannot be used."""
        try:
            stat = self._path.stat()
            state = (stat.st_mtime_ns, stat.st_size)
            if self._kept[0] != state:
                with self._path.open(encoding="utf-8") as file:
                    self._kept = (state, parse(file.read(MAX_FILE_BYTES)).languages)
        except OSError:
            return ()
        except UnicodeDecodeError as error:
            raise BadData(
                "config.toml cannot be used: it is not UTF-8.", "Correct it, or delete it."
            ) from error
        return self._kept[1]

    def chosen(self, given: Sequence[str] | None) -> tuple[str, ...]:
        """The languages that a request names, else those of the file; of an empty list none.

        Raises: BadData.
        """
        return self.now() if given is None else read_tags(given)
