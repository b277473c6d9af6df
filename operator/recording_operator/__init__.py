"""An operator that moves recordings from expiring URLs to object storage."""

__version__ = "0.1.0"
