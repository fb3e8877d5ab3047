"""Hears announcements, and sends the Core's own."""
