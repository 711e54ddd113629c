"""The HTTP edge: Orthanc's REST API as a FastAPI application."""

from pydantic import BaseModel, ConfigDict

_AS_IT_IS = BaseModel.model_config
BaseModel.model_config = ConfigDict(defer_build=True)
import fastapi  # noqa: E402, F401  its models of OpenAPI are built when a document is asked for

BaseModel.model_config = _AS_IT_IS
