"""Stored files: copied, presigned, downloaded."""
