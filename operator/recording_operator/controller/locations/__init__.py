"""StorageLocations: which there are, whether they can be used, and the stores behind them."""
