"""Limits of AWS that show in answers, each with its source."""

from __future__ import annotations

LAMBDA_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Largest request and response of a synchronous invocation (AWS Lambda quotas)."""

LAMBDA_BODY_BYTES = 4_500_000
"""Largest binary body that fits: base64 makes 3 bytes 4, and headers travel in the same payload."""

LAMBDA_ARRAY_BYTES = 384 << 20
"""Largest array one call makes: it is kept in the 512 MB of a function's temporary storage."""

API_GATEWAY_TIMEOUT_SECONDS = 29
"""Longest integration timeout of a REST API (API Gateway quotas)."""

MAXIMUM_RECEIVES = 5
"""How often a message is delivered before it becomes a dead letter."""

BLOB_EXPIRES_SECONDS = 900
"""How long a signed path under `/blobs/` is good; a role's session outlives it."""

UPLOAD_EXPIRES_SECONDS = 3600
"""How long the parts of a presigned upload are good: Lambda's role sessions may end after that."""

FIND_READ_UNITS = 20_000
"""Most read units of one search: 80 MB of rows, half a cent (Amazon DynamoDB on-demand pricing)."""

FIND_SECONDS = 20.0
"""Longest time one search may read: what is left is for rendering the answer before a timeout."""

FIND_JOB_READ_UNITS = 2_000_000
"""Most read units of a search that is a job: 8 GB of rows, half a dollar."""

FIND_JOB_SECONDS = 600.0
"""Longest time such a search may read, within one call of a function."""

HELD_MESSAGE_SECONDS = 20
"""How long a message stays away from other workers after its own last was heard of."""

JOB_WATCH_SECONDS = 60
"""When to look after a turn of a job: its worker may have died before it was heard of."""

EDGE_FIND_READ_UNITS = 200_000
"""Most read units of one C-FIND: the edge has no timeout, and its clients wait for minutes."""

EDGE_FIND_SECONDS = 120.0
"""Longest time one C-FIND may read."""

RESTORE_SECONDS = 3600
"""When to look again for what Glacier restores: that takes 3 to 12 hours (S3, restore tiers)."""
