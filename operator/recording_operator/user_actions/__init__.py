"""What users do with Recordings, whichever face they use: the command line or the console."""
