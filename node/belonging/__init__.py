"""Who belongs and what is carried in a federation: the roster at work in a running node."""
