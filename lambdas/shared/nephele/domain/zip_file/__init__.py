"""ZIP files whose bytes follow from their members alone, made piece by piece in any order."""
