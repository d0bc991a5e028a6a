package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd keeps the cluster's objects in a folder, and returns the address at which it answers: a socket file, so
// that it needs no port. It does not wait for the disk: what is lost in a power cut is a test's.
func startEtcd(folder string) (string, error) {
	clients, peers := socket(folder, "clients"), socket(folder, "peers")
	config := embed.NewConfig()
	config.Dir = filepath.Join(folder, "data")
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{clients}, []url.URL{clients}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peers}, []url.URL{peers}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	server, err := embed.StartEtcd(config)
	if err != nil {
		return "", fmt.Errorf("etcd did not start in %s: %w", folder, err)
	}
	select {
	case <-server.Server.ReadyNotify():
		return clients.String(), nil
	case err := <-server.Err():
		return "", fmt.Errorf("etcd ended in %s: %w", folder, err)
	case <-time.After(time.Minute):
		return "", fmt.Errorf("etcd was not ready in %s within a minute", folder)
	}
}

func socket(folder, name string) url.URL {
	return url.URL{Scheme: "unix", Path: filepath.Join(folder, name+".socket")}
}
