"""Peers, against servers that do what a test wants."""
