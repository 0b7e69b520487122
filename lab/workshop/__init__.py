"""The workshop: twelve lessons from ``docs/workshop``, and the checks that the lab itself makes of each."""
