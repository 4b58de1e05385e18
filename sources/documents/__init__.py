"""Documents for reading (Markdown, HTML, PDF) as text with headings and pages, cut into passages."""
