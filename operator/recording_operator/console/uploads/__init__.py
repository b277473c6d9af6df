"""Uploads from clients: URLs for the parts of an upload that the operator has opened, and its end."""
