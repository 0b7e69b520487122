"""Editing a state machine: its text, its states and their fields, as plain functions; the page shows them."""
