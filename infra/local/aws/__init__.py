"""AWS on this machine: the ministack process, clients, credentials and the proxy with faults."""
