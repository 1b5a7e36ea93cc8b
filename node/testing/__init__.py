"""For tests of this program and of programs that use it: people with fixed keys, and homes that vanish."""
