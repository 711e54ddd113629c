"""Lambda on this machine: workers of the real runtime client against a Runtime API of our own."""
