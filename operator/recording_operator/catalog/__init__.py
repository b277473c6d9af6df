"""A read model of recordings and of their usage, for searching and paging. SQLAlchemy is imported only here.

The API server and the buckets are the authority: the catalog can be deleted at any time and is filled again.
"""
