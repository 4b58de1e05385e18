"""From raw rows to drafts: the shapes that corpora share."""
