"""Models that judge: guards, rubrics, labels, leaks and duplicates."""
