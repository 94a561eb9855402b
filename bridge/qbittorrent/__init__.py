"""The face: qBittorrent's WebUI API, answered from what the core knows."""
