"""Decides which Cell runs which instance. Pure: no clock, no database, no randomness."""
