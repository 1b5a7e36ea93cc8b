"""Methods about files and folders. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import Method

METHODS: Final[Mapping[str, Method]] = {}
"""Every method about files."""
