"""The bridge: answers as qBittorrent, downloads through TorBox."""
