"""Peers: other Orthancs, or Nepheles, that instances are sent to by HTTP."""
