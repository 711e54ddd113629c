"""The edge as a client."""
