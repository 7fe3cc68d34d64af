"""How a pipeline runs: shards, workers, journal, commit. The only place that imports Ray."""
