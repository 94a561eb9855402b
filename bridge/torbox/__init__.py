"""Speaks TorBox's API: one method per endpoint, one place on the wire."""
