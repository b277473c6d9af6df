"""What platform teams look at: locations, sources, sinks, the installation."""
