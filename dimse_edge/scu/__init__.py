"""The edge as a client: associations it opens, and the services it asks others for."""
