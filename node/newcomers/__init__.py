"""How devices get in: founding aside, guests and hosts, passports, recovery."""
