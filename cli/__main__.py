"""The console script: first whether the packages are ours, then the command.

A process lives for a tenth of a second, so nothing is imported here that every verb does not need.
"""

import sys

from cli.house import check_house


def main() -> None:
    """Run `aster` with the process's arguments and leave with its exit code."""
    check_house()
    from cli.main import run  # late: only after the check

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
