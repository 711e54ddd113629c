"""Settings: the environment of each process, and Orthanc's configuration file."""
