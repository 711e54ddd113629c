"""Tests of the pure DICOM domain."""
