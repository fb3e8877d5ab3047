"""What Cells stand on: a network, a control group, keys, and the record of all that was made."""
