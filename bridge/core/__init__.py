"""The core decides what happens to each torrent; it knows no HTTP."""
