"""The nouns of placement: flavors, groups, reservations, previews, capacity."""
