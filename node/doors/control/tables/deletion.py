"""Methods about deleting, and about what is kept of whom. `docs/protocol/control.md` is the specification."""

from collections.abc import Mapping
from typing import Final

from node.doors.control.parameters import INT, LINES, NAME, TEXT, Method

METHODS: Final[Mapping[str, Method]] = {
    "delete": Method({"ids": LINES, "reason": TEXT}, waits=True, part="deletion"),
    "delete/preview": Method({"ids": LINES}, offline=True, part="deletion"),
    "delete/status": Method({"id": NAME}, offline=True, part="deletion"),
    "quota/show": Method({"limit": INT}, offline=True, part="budgets"),
    "quota/set": Method(
        {"member": TEXT, "section": TEXT, "texts": INT, "headers": INT}, offline=True, part="budgets"
    ),
}
"""Every method about deletion and quotas."""
