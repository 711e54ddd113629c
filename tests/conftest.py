"""What every folder of tests may use."""

pytest_plugins = ["tests.lanes", "tests.noted", "tests.stack"]
