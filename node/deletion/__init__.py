"""Deletion: who may have what dropped, doing so, and saying so."""
