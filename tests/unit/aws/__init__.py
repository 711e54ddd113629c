"""The verbs, on moto."""
