"""TorBox and its CDN in miniature, on a real socket. Imports nothing else of the bridge."""
