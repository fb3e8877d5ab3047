"""The vocabulary: frozen values, states, names and errors. No I/O, no clock."""
