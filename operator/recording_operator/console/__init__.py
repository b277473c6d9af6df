"""The console: a catalog of recordings over HTTP and in a browser, with the rights of Kubernetes in front of it."""
