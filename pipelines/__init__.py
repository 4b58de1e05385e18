"""Steps, caches, releases and the command line. No domain logic lives here."""
