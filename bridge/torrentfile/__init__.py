"""Reads magnet links and .torrent files."""

from bridge.torrentfile.magnet import read_source
from bridge.torrentfile.metainfo import layout, piece_hashes, read_torrent, web_seeds

__all__ = ["layout", "piece_hashes", "read_source", "read_torrent", "web_seeds"]
