"""The DICOM and Orthanc library shared by Nephele's functions and its edge."""
