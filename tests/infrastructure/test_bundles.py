"""The zips: they import alone, they are small, and carry what they need and no more."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import botocore
import pytest

from infra.components.prune import CODECS, SERVICES
from infra.functions import API, FUNCTIONS, JOBS, TRANSCODE, FunctionSpec
from nephele.settings.configuration import parse_configuration

from .assembly import Assembly

LARGEST_BYTES = 250_000_000
AARCH64 = 183
"""`EM_AARCH64` of ELF."""
IMPORT = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
outside = [path for path in sys.path if "site-packages" in path]
assert not outside, outside
module, name = sys.argv[2].rsplit(".", 1)
loaded = importlib.import_module(module)
assert loaded.__file__.startswith(sys.argv[1]), loaded.__file__
assert callable(getattr(loaded, name))
"""
LOAD_CODECS = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module("imagecodecs." + name)
import numpy, imagecodecs, openjpeg, rle, pylibjpeg
image = numpy.arange(4096, dtype=numpy.uint16).reshape(64, 64)
for codec in ("jpeg2k", "jpegls", "htj2k", "jpegxl", "jpeg8", "png"):
    encode = getattr(imagecodecs, codec + "_encode")
    decode = getattr(imagecodecs, codec + "_decode")
    options = {} if codec in ("jpegls", "png") else {"reversible": True}
    if codec in ("jpegxl", "jpeg8"):
        options = {"lossless": True}
    assert (decode(encode(image, **options)) == image).all(), codec
packed = imagecodecs.packbits_encode(image.tobytes())
assert imagecodecs.packbits_decode(packed) == image.tobytes()
"""

DESCRIBE_SERVICES = """
import json, sys
sys.path.insert(0, sys.argv[1])
import botocore
from botocore.session import Session
assert botocore.__file__.startswith(sys.argv[1])
calls = {"dynamodb": "ListTables", "dynamodbstreams": "ListStreams", "kms": "ListKeys",
         "events": "ListRules",
         "s3": "ListObjectsV2", "secretsmanager": "ListSecrets", "sqs": "ListQueues",
         "sts": "GetCallerIdentity"}
keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
class Sent(Exception):
    pass
def send(request, **named):
    raise Sent(request.method, request.url)
seen = {}
for service in sys.argv[2:]:
    for region in ("us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"):
        client = Session().create_client(service, region, **keys)
        client.meta.events.register("before-send", send)
        try:
            client._make_api_call(calls[service], {"Bucket": "b"} if service == "s3" else {})
        except Sent as sent:
            request = sent.args
        model = client.meta.service_model
        members = {name: list(model.shape_for(name).members) for name in model.shape_names
                   if model.shape_for(name).type_name == "structure"}
        seen[service + " " + region] = [request, model.operation_names, members]
print(json.dumps(seen))
"""

needs_the_functions_python = pytest.mark.skipif(
    sys.version_info[:2] != (3, 13), reason="the zips are built for Lambda's Python 3.13"
)
each_function = pytest.mark.parametrize("spec", FUNCTIONS, ids=[spec.name for spec in FUNCTIONS])


def run_alone(code: str, *arguments: str) -> str:
    """Run code in an interpreter without site packages, environment and user folders."""
    command = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", code, *arguments]
    environment = {"AWS_DEFAULT_REGION": "us-east-1"}
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@needs_the_functions_python
@each_function
def test_the_handler_imports_from_the_zip_alone(default: Assembly, spec: FunctionSpec) -> None:
    (handler,) = (
        function["Properties"]["Handler"] for row, function in default.functions() if row is spec
    )
    run_alone(IMPORT, str(default.bundle(spec)), handler)


@needs_the_functions_python
@pytest.mark.parametrize("spec", [API, TRANSCODE], ids=["api", "transcode"])
def test_every_kept_codec_works_from_the_zip_alone(default: Assembly, spec: FunctionSpec) -> None:
    run_alone(LOAD_CODECS, str(default.bundle(spec)), *CODECS)


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@needs_the_functions_python
def test_shortened_descriptions_of_services_say_the_same(default: Assembly) -> None:
    bundle = default.bundle(API)
    packages = Path(botocore.__file__).parents[1]
    ours, whole = (
        run_alone(DESCRIBE_SERVICES, str(folder), *SERVICES) for folder in (bundle, packages)
    )
    assert json.loads(ours) == json.loads(whole)
    assert b'"documentation":"<' not in gzip.decompress(
        (bundle / "botocore/data/dynamodb/2012-08-10/service-2.json.gz").read_bytes()
    )


@each_function
def test_the_zip_fits(default: Assembly, spec: FunctionSpec) -> None:
    assert _size_bytes(default.bundle(spec)) < LARGEST_BYTES


@each_function
def test_only_three_zips_carry_codecs(default: Assembly, spec: FunctionSpec) -> None:
    has_codecs = (default.bundle(spec) / "imagecodecs").is_dir()
    assert has_codecs == (spec in (API, TRANSCODE, JOBS))


@each_function
def test_the_zip_carries_the_configuration(hospital: Assembly, spec: FunctionSpec) -> None:
    text = (hospital.bundle(spec) / "configuration.json").read_text()
    assert parse_configuration(text).dicom_aet == "HOSPITAL"
    assert "RegisteredUsers" not in json.loads(text)


@each_function
def test_the_zip_carries_no_tests_and_no_tools(default: Assembly, spec: FunctionSpec) -> None:
    folder = default.bundle(spec)
    assert not (folder / "bin").exists()
    assert not [path for path in folder.rglob("tests") if path.is_dir()]
    assert not (folder / "nephele" / "cli").exists()


@each_function
def test_the_zip_is_for_the_functions_processor(complete: Assembly, spec: FunctionSpec) -> None:
    (function,) = (found for row, found in complete.functions() if row is spec)
    assert function["Properties"]["Architectures"] == ["arm64"]
    libraries = [path for path in complete.bundle(spec).rglob("*.so*") if path.is_file()]
    assert libraries
    for path in libraries:
        assert _machine(path) == AARCH64, path


def test_the_image_is_for_the_tasks_processor(complete: Assembly) -> None:
    (task,) = complete.resources("AWS::ECS::TaskDefinition").values()
    assert task["Properties"]["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    manifest = json.loads((complete.folder / "Nephele-all-Edge.assets.json").read_text())
    (image,) = manifest["dockerImages"].values()
    assert image["source"]["platform"] == "linux/arm64"


def _machine(library: Path) -> int:
    """Return the processor an ELF file is for (`e_machine`)."""
    with library.open("rb") as file:
        header = file.read(20)
    assert header.startswith(b"\x7fELF"), library
    return int.from_bytes(header[18:20], "little")


def test_the_image_is_built_from_the_edge_and_the_library(default: Assembly) -> None:
    manifest = json.loads((default.folder / "Nephele-Edge.assets.json").read_text())
    (image,) = manifest["dockerImages"].values()
    folder = default.folder / image["source"]["directory"]
    assert {path.name for path in folder.iterdir()} == {
        "Dockerfile",
        "dimse_edge",
        "nephele",
        "requirements.txt",
    }
