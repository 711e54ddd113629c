"""What must hold of the whole system, on the local stack, with real clients."""
