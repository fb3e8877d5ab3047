"""What is asked of placement, and what it answers."""
