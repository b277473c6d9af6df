"""Move one artifact into a store, once, whatever happened before: the entry of the data path.

The object at the key decides, not what somebody remembers: one that carries the Recording's uid and the artifact's name is
whole (an object appears only by an atomic, conditional write that its checksum guarded) and therefore is the result.
"""
