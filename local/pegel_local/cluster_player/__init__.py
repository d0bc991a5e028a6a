"""A player of a cluster: real local processes for the objects of a Kubernetes API server that has no nodes.

It stands for four things that such a server lacks, and for no other: a node that runs pods, KServe's controller, the
Spark operator, and the address of a service. It reads InferenceServices and SparkApplications, makes pods of them as
those controllers do, runs the containers of the pods as processes of this machine, and writes the statuses that the
controllers write. What it shows: that a cluster accepts our objects, and that hooks, triggers, reconciling and rights
work on a real API server while real model servers and drivers come and go. What it cannot show: scheduling, images,
networks between pods, and the webhooks of either controller.

It is part of this package, not of `pegel.testing`, because it needs processes and the Kubernetes client, which core
knows nothing of. Use `ClusterPlayer` as a context manager, or `python -m pegel_local.cluster_player`.
"""
