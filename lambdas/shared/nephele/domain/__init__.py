"""Pure DICOM and Orthanc rules: no AWS, no web."""
