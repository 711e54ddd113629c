"""The DIMSE edge: one port, worker processes behind it, pynetdicom in each of them."""
