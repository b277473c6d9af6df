"""Usage of StorageLocations: when they are counted, how, and where the samples are kept."""
