"""A cloud assembly, as the tests read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.functions import FUNCTIONS, FunctionSpec

Resource = dict[str, Any]


@dataclass(frozen=True)
class Assembly:
    """The files of one synthesis."""

    folder: Path

    @cached_property
    def templates(self) -> dict[str, Resource]:
        """Templates by the last part of the stack's name: `Data`, `Ingest`, `Api`, `Edge`."""
        return {
            path.name.split(".")[0].rpartition("-")[2]: json.loads(path.read_text())
            for path in sorted(self.folder.glob("*.template.json"))
        }

    def resources(self, resource_type: str) -> dict[str, Resource]:
        """Return the resources of a type in all stacks, by `Stack/LogicalId`."""
        return {
            f"{stack}/{name}": resource
            for stack, template in self.templates.items()
            for name, resource in template["Resources"].items()
            if resource["Type"] == resource_type
        }

    def only(self, resource_type: str) -> Resource:
        """Return the properties of the one resource of a type."""
        (found,) = self.resources(resource_type).values()
        return dict(found["Properties"])

    def functions(self) -> Iterator[tuple[FunctionSpec, Resource]]:
        """Yield every function's row with its resource."""
        found = self.resources("AWS::Lambda::Function").values()
        by_description = {function["Properties"]["Description"]: function for function in found}
        for spec in FUNCTIONS:
            yield spec, by_description[spec.description]

    def bundle(self, spec: FunctionSpec) -> Path:
        """Return the folder of a function's zip."""
        resource = next(found for row, found in self.functions() if row is spec)
        return self.folder / str(resource["Metadata"]["aws:asset:path"])

    def container(self) -> Resource:
        """Return the edge's container definition."""
        (task,) = self.resources("AWS::ECS::TaskDefinition").values()
        (container,) = task["Properties"]["ContainerDefinitions"]
        return dict(container)
