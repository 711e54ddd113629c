"""Tests of the synthesized templates and of the zips they name, under the pinned node."""

from infra.synth import prepare_jsii

prepare_jsii()
