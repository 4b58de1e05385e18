"""The store, the lock file and what is read from them."""
