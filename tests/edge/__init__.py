"""The DIMSE edge, as its own processes, with real clients against it."""
