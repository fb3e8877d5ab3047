"""What placement is asked and answers: flavors, groups, reservations, previews, capacity."""
