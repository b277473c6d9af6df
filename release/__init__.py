"""What `make release VERSION=1.2.3` does: the changelog, the version, and everything that is published, in dist/."""
