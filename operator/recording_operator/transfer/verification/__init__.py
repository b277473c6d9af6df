"""Is the object at the key ours, and are its bytes right? Three verbs: find, verify, accept.

find    the object at the key before this process has written anything there
verify  whether an object has the bytes that were read from the source, or the checksum in the spec
accept  write an object and verify it afterwards; an object of ours with wrong bytes is removed
"""
