"""Where a lab runs: as processes of this machine (``lab.embedded``), or as the containers of ``compose.yaml``.

Scenarios, commands and reports must never know which: they use ``protocol``.
"""
