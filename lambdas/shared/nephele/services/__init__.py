"""The verbs: what Nephele does with an archive."""
