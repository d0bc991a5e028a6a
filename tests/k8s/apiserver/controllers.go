package main

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

const (
	workers = 2
	// Between two looks for kinds of objects that were not there before; a cluster takes 30 s.
	discoveryPeriod = time.Second
	resync          = 5 * time.Minute
)

// startControllers runs what a cluster's controller manager does for objects without nodes.
func startControllers(ctx context.Context, admin *rest.Config) error {
	client, err := kubernetes.NewForConfig(admin)
	if err != nil {
		return err
	}
	objects, err := metadata.NewForConfig(admin)
	if err != nil {
		return err
	}
	shared := informers.NewSharedInformerFactory(client, resync)
	namespaces := namespace.NewNamespaceController(ctx, client, objects, client.Discovery().ServerPreferredNamespacedResources,
		shared.Core().V1().Namespaces(), resync, corev1.FinalizerKubernetes)
	accounts, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), shared.Core().V1().ServiceAccounts(),
		shared.Core().V1().Namespaces(), client, serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return err
	}
	if err := startGarbageCollector(ctx, client, objects, shared); err != nil {
		return err
	}
	shared.Start(ctx.Done())
	go namespaces.Run(ctx, workers)
	go accounts.Run(ctx, workers)
	return nil
}

// startGarbageCollector deletes objects whose owners are gone.
func startGarbageCollector(
	ctx context.Context, client kubernetes.Interface, objects metadata.Interface, shared informers.SharedInformerFactory,
) error {
	kinds := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	all := informerfactory.NewInformerFactory(shared, metadatainformer.NewSharedInformerFactory(objects, resync))
	started := make(chan struct{})
	collector, err := garbagecollector.NewGarbageCollector(
		ctx, client, objects, kinds, garbagecollector.DefaultIgnoredResources(), all, started)
	if err != nil {
		return err
	}
	go func() {
		all.Start(ctx.Done())
		close(started)
	}()
	go collector.Run(ctx, workers, time.Minute)
	go collector.Sync(ctx, client.Discovery(), discoveryPeriod)
	return nil
}
