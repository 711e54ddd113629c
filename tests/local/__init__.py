"""Tests of the local stack itself."""
