"""The processes of the cluster: operator and receiver."""
