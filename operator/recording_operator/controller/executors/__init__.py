"""Who carries out transfers: threads of this process."""
