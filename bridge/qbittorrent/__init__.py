"""The face: qBittorrent's WebUI API, as Sonarr, Radarr and their kin expect it."""
