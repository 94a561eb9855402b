"""The doctor: what the bridge needs, tried one by one, each with the fix where it fails."""
