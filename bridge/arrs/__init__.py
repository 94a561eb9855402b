"""Speaks the arrs' own API, where their keys are known."""
