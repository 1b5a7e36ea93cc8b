"""Budgets: how much of the disk the texts and headers of one member, and of one section, may take."""
