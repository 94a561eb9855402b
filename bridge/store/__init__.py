"""What the bridge remembers, in SQLite."""
