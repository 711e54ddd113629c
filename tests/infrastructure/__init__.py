"""Tests of the synthesized templates and of the zips they name."""
