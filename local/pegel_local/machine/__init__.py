"""What this machine offers: paths, ports, a Java, signals."""
