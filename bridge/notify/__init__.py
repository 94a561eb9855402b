"""Tells people what happened, where they want to be told: a webhook, or Apprise."""
