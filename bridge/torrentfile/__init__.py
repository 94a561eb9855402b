"""Reads magnet links and .torrent files."""
