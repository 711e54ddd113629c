"""What an archive holds and under which names, as Orthanc has it."""
