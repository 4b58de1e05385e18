"""Making of releases: freeze, rebuild, export."""
