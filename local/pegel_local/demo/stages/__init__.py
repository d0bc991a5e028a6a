"""The stages of the demonstration, one file each, in the order in which `pegel_local.demo.demonstration` runs them."""
