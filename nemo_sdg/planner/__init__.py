"""Foretelling a job: its limiters, budget and endpoint in simulated time."""
