"""Profiles and the directory: what is asked of them and done with them."""
