"""Light Cells: namespaces on this machine's kernel that look like a bare Debian host."""
