"""One file per noun: parse, ask the Core, print."""
