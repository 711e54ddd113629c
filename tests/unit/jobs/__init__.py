"""Jobs on moto."""
