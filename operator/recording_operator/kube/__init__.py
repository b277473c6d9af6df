"""Adapters of the Kubernetes client."""
