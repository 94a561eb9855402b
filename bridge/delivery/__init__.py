"""Brings files from the CDN to the local disk, and proves them."""

from bridge.delivery.delivery import Delivery
from bridge.delivery.download import LinkSource
from bridge.delivery.leg import Leg
from bridge.delivery.pieces import Proof

__all__ = ["Delivery", "Leg", "LinkSource", "Proof"]
