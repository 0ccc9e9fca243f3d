"""The report of a finished search: one HTML page that needs no network."""
