"""Where bytes are kept: what a store must do, and the kinds of store."""
