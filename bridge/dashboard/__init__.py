"""The page people look at, health and metrics."""
