"""Decides whether the object at the key is ours, and whether its bytes are right. Three steps: find, verify, accept.

find    find an object at the key before this process has written anything there
verify  check whether an object has the bytes that were read from the source, or the checksum in the spec
accept  write an object and verify it; if this attempt wrote wrong bytes, the object is removed
"""
