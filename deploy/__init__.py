"""How the lab runs on more than one machine: files for Compose and for Kubernetes. Nothing in the lab knows them."""
