"""The local stack: runs on this machine what `cdk deploy` deploys, from the same templates."""
