"""One file a corpus: where it comes from, under which licence, and how one raw row becomes a draft."""
