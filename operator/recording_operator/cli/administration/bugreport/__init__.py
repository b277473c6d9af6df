"""The file of `bug-report`: what is collected, how it is redacted, and how it is written."""
