"""Searching: rows, plans, answers."""
