"""What the stage page is made of: the wirings as graphs and the fault knobs (pure), and the panels that show them."""
