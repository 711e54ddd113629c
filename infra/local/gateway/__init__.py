"""API Gateway on this machine: events, the authorizer, the limits, and CloudFront's `/blobs`."""
