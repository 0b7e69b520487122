"""State machines as pictures: where everything goes (pure), and the SVG that shows it."""
