"""What Nephele costs and how fast it is, against Orthanc in the same run: `python -m bench`."""
