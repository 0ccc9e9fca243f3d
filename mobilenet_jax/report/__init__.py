"""Pages that need no network: of a finished search, of runs side by side."""
