"""The command `aster`: it says to people what the node says to it. No logic, no wire, no SQL."""

HOUSE = "asterism"
