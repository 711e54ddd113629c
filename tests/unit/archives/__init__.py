"""Tests of archives and media."""
