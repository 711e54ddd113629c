"""The services the edge offers besides C-STORE, one module each."""
