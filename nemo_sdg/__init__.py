"""Synthetic text data with LLMs on a cluster."""
