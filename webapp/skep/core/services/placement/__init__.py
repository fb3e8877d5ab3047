"""Placing instances: the Cells in memory, plans and their commit, and what they are asked for."""
