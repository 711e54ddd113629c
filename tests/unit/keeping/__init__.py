"""What users keep, deletions that are undone, recycling, and the journal."""
