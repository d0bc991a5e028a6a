"""The demonstration with endpoint, driver and baseline as objects of a cluster, which a player makes processes of."""
