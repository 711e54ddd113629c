"""Nephele's answers beside those of a real Orthanc."""
