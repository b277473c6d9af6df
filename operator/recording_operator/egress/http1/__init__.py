"""An HTTP/1.1 client: builds requests, and reads responses within limits. Used for sources and stores."""
