"""Brings files from the CDN to the local disk, and proves them."""
