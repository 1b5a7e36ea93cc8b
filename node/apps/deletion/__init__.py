"""Deletion: who asked that which bodies be dropped, and which hubs say that they did."""
