// A Kubernetes API server for tests: the real kube-apiserver over an embedded etcd, with the real controllers that
// collect garbage, empty deleted namespaces and make service accounts. No node, no container, no privilege is needed.
//
//	apiserver --state FOLDER [--port PORT] [--end-with-input]
//
// Everything it knows is in FOLDER: a server that is killed and started again with the same folder goes on where it
// was. It writes FOLDER/kubeconfig and prints "ready" once it answers. With --end-with-input it ends when its standard
// input is closed, so that it does not outlive who holds the other end.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	folder := flag.String("state", "", "folder of everything that outlives this process")
	port := flag.Int("port", 0, "port of the API; 0 means any free one")
	endWithInput := flag.Bool("end-with-input", false, "end when standard input is closed")
	flag.Parse()
	if *folder == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "apiserver: expected --state FOLDER and no further argument; nothing was started")
		os.Exit(2)
	}
	if *endWithInput {
		go waitForEndOfInput()
	}
	if err := run(context.Background(), *folder, *port); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

// run serves until something fails.
func run(ctx context.Context, folder string, port int) error {
	state, err := openState(folder)
	if err != nil {
		return err
	}
	if port == 0 {
		if port, err = freePort(); err != nil {
			return err
		}
	}
	etcd, err := startEtcd(filepath.Join(folder, "etcd"))
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- serve(ctx, state, etcd, port) }()
	admin := state.admin(port)
	if err := waitUntilReady(ctx, admin, failed); err != nil {
		return err
	}
	if err := startControllers(ctx, admin); err != nil {
		return err
	}
	if err := state.writeKubeconfig(port); err != nil {
		return err
	}
	fmt.Println("ready")
	return <-failed
}

// serve runs the kube-apiserver; it returns only when that ends.
func serve(ctx context.Context, state state, etcd string, port int) error {
	command := app.NewAPIServerCommand()
	command.SetArgs([]string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--cert-dir=" + state.certificates(),
		"--authorization-mode=RBAC",
		"--token-auth-file=" + state.tokens(),
		"--service-account-issuer=https://pegel-tests.invalid",
		"--service-account-key-file=" + state.signingKey(),
		"--service-account-signing-key-file=" + state.signingKey(),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--endpoint-reconciler-type=none",
	})
	return command.ExecuteContext(ctx)
}

// waitUntilReady asks until the server says that it is ready, or has ended.
func waitUntilReady(ctx context.Context, admin *rest.Config, failed <-chan error) error {
	for {
		if client, err := rest.UnversionedRESTClientFor(unversioned(admin)); err == nil {
			if answer, err := client.Get().AbsPath("/readyz").DoRaw(ctx); err == nil && string(answer) == "ok" {
				return nil
			}
		}
		select {
		case err := <-failed:
			return fmt.Errorf("the server ended before it was ready: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freePort returns a port that nothing listened on a moment ago.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// waitForEndOfInput ends this process at once when whoever holds the other end of the pipe closes it or is gone.
func waitForEndOfInput() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
