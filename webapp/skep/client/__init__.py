"""Typed client of the Core's API, used by the command line and the console."""
