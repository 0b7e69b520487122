"""The running lab's control API, on a Unix socket in its home: who may open the home may hurt its processes."""
