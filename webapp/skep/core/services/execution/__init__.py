"""From a run to what Cells are asked, and from their answers to the store."""
