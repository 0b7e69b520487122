"""An experiment as a report: one HTML file that needs nothing else, and each figure as SVG, PNG and CSV beside it."""
