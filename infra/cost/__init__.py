"""Costs: counted calls of a local run times a dated table of prices."""
