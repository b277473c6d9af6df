"""Where bytes are kept: what a store must do, and S3."""
