"""Placement over HTTP: flavors, instance groups, reservations, previews, capacity."""
