"""The federation: who belongs to a network, computed from signed statements. Pure."""
