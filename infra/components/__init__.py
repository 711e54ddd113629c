"""Components: each hides one CDK detail from the stacks."""
