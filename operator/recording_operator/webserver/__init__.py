"""The HTTP server of receiver and console: uvicorn, with a limit on connections."""
