"""`python -m bridge` is `torbox-bridge`."""

from bridge.cli import main

main()
