"""A directory of a mounted filesystem as a store. docs/decisions/filesystem.md explains its layout."""
