"""Raw rows to drafts: the shapes that corpora share."""
