"""Policies as ministack checks them, where that differs from AWS.

* AWS allows a batch action of SQS by the action on one message; ministack asks for its own name.
* AWS checks stream actions against the stream's ARN; ministack against `*`.
"""

from __future__ import annotations

from typing import Any

_BATCHED = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:SendMessage")
_STREAM = frozenset({"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"})


def adapt(properties: dict[str, Any]) -> None:
    """Rewrite a policy's statements in place."""
    for statement in properties["PolicyDocument"]["Statement"]:
        actions = statement.get("Action", [])
        listed = actions if isinstance(actions, list) else [actions]
        statement["Action"] = listed + [f"{item}Batch" for item in listed if item in _BATCHED]
        if listed and _STREAM.issuperset(listed):
            statement["Resource"] = "*"
