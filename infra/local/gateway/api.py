"""The REST API as it was deployed: routes, authorizers, gateway responses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from infra.local.aws.clients import RootClients
from infra.local.inventory import DeployedFunction, Inventory, function_of_arn

_HEADER = "gatewayresponse.header."
_IDENTITY_HEADER = "method.request.header."


@dataclass(frozen=True, slots=True, eq=False)
class Authorizer:
    """A request authorizer.

    Attributes
    ----------
    headers : tuple of str
        Identity sources, lower case; a request without one of them is refused unasked.
    """

    function: DeployedFunction
    headers: tuple[str, ...]
    ttl_seconds: int


@dataclass(frozen=True, slots=True)
class Route:
    """One method of a resource."""

    resource: str
    method: str
    function: DeployedFunction
    authorizer: Authorizer | None
    timeout_seconds: float

    def parameters(self, path: str) -> dict[str, str] | None:
        """Return the path's parameters, None when it is not this route's."""
        match = _expression(self.resource).fullmatch(path)
        if match is None:
            return None
        return {name: unquote(value) for name, value in match.groupdict().items()}


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What API Gateway answers by itself."""

    status: int
    headers: Mapping[str, str]
    template: str

    def body(self, message: str) -> bytes:
        """Return the body, with the error's message in it."""
        text = self.template.replace("$context.error.messageString", json.dumps(message))
        return text.replace("$context.error.message", message).encode()


@dataclass(frozen=True, slots=True)
class RestApi:
    """The API and its one stage."""

    api_id: str
    stage: str
    routes: Sequence[Route]
    responses: Mapping[str, GatewayResponse]

    def route(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the most specific route of a path that has the method."""
        for route in self.routes:
            if route.method in (method, "ANY"):
                parameters = route.parameters(path)
                if parameters is not None:
                    return route, parameters
        return None


def read_api(clients: RootClients, inventory: Inventory) -> RestApi:
    """Read the API back from API Gateway."""
    api_id = inventory.rest_api
    functions = {item.physical_name: item for item in inventory.functions.values()}
    authorizers = {
        item["id"]: _read_authorizer(item, functions)
        for item in clients.gateway.get_authorizers(restApiId=api_id)["items"]
    }
    resources = clients.gateway.get_resources(restApiId=api_id, embed=["methods"], limit=500)
    routes = [
        _read_route(resource["path"], name, method, functions, authorizers)
        for resource in resources["items"]
        for name, method in resource.get("resourceMethods", {}).items()
    ]
    routes.sort(key=lambda route: ("{" in route.resource, -len(route.resource), route.method))
    answers: list[Any] = clients.gateway.get_gateway_responses(restApiId=api_id)["items"]
    return RestApi(
        api_id=api_id,
        stage=clients.gateway.get_stages(restApiId=api_id)["item"][0]["stageName"],
        routes=routes,
        responses={item["responseType"]: _read_response(item) for item in answers},
    )


def _read_authorizer(item: Any, functions: Mapping[str, DeployedFunction]) -> Authorizer:
    sources = [part.strip() for part in item.get("identitySource", "").split(",") if part.strip()]
    for source in sources:
        if not source.startswith(_IDENTITY_HEADER):
            raise ValueError(f"identity sources that are not emulated: {source}")
    return Authorizer(
        function=function_of_arn(functions, item["authorizerUri"]),
        headers=tuple(source.removeprefix(_IDENTITY_HEADER).lower() for source in sources),
        ttl_seconds=int(item.get("authorizerResultTtlInSeconds", 300)),
    )


def _read_route(
    path: str,
    name: str,
    method: Any,
    functions: Mapping[str, DeployedFunction],
    authorizers: Mapping[str, Authorizer],
) -> Route:
    integration = method["methodIntegration"]
    return Route(
        resource=path,
        method=name,
        function=function_of_arn(functions, integration["uri"]),
        authorizer=authorizers.get(method.get("authorizerId", "")),
        timeout_seconds=integration.get("timeoutInMillis", 29_000) / 1000,
    )


def _read_response(item: Any) -> GatewayResponse:
    headers = {
        name.removeprefix(_HEADER): value.strip("'")
        for name, value in item.get("responseParameters", {}).items()
        if name.startswith(_HEADER)
    }
    templates = item.get("responseTemplates", {})
    return GatewayResponse(
        status=int(item.get("statusCode") or 500),
        headers=headers,
        template=templates.get("application/json", ""),
    )


def _expression(resource: str) -> re.Pattern[str]:
    """Return the expression of a resource: `{name+}` takes the rest, however many slashes."""
    parts = re.split(r"(\{[^}]+\})", resource)
    return re.compile("".join(_part(part) for part in parts), re.DOTALL)


def _part(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    name = part.strip("{}")
    return f"(?P<{name[:-1]}>.+)" if name.endswith("+") else f"(?P<{name}>[^/]+)"
