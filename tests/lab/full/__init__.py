"""Full Cells: virtual machines with a Debian kernel and a working KVM of their own."""
