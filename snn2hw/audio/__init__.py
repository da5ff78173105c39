"""Sound in: corpora on disk or synthesised, log-mel images of small integers, a cache for them. No torch."""
