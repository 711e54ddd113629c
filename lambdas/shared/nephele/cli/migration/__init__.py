"""Moving an archive from a running Orthanc."""
