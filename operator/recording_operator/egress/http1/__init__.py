"""HTTP/1.1 as a client speaks it: requests as bytes, and responses read within bounds. Sources and stores share it."""
