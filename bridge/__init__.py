"""The bridge: answers as qBittorrent, downloads through TorBox."""

__version__ = "0.1.0"
