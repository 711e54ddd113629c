"""Tests of the layout and the bytes of archives."""
