"""The store, the lock file and lookups in them."""
