#!/usr/bin/env bash
# The system programs the tests compare with: DCMTK, dicom3tools, GDCM, libjxl's, unzip, 7-Zip and Orthanc.
set -euo pipefail
packages=(dcmtk dicom3tools libgdcm-tools libjxl-tools unzip 7zip orthanc orthanc-gdcm)
missing=0
for program in storescu dciodvfy gdcmconv djxl unzip 7zz Orthanc; do
  command -v "$program" >/dev/null 2>&1 || missing=1
done
[ "$missing" = 1 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "system packages: apt-get install ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
else
  echo "system packages: some tests need: apt-get install ${packages[*]}" >&2
  [ -z "${CI:-}" ] || exit 1
fi
