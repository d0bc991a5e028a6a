package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// state is the folder of a server: certificates, keys and the administrator's token, made on first use.
type state struct {
	folder string
	token  string
}

func (s state) certificates() string { return filepath.Join(s.folder, "certificates") }
func (s state) authority() string    { return filepath.Join(s.certificates(), "apiserver.crt") }
func (s state) tokens() string       { return filepath.Join(s.folder, "tokens.csv") }
func (s state) signingKey() string   { return filepath.Join(s.folder, "service-accounts.key") }

// openState reads what an earlier server left in the folder, or makes it.
func openState(folder string) (state, error) {
	s := state{folder: folder}
	if err := os.MkdirAll(filepath.Join(folder, "etcd"), 0o700); err != nil {
		return s, err
	}
	written, err := os.ReadFile(s.tokens())
	if errors.Is(err, fs.ErrNotExist) {
		return s.fill()
	}
	s.token, _, _ = strings.Cut(string(written), ",")
	return s, err
}

// fill makes the administrator's token and the key that signs the tokens of service accounts.
func (s state) fill() (state, error) {
	drawn := make([]byte, 16)
	if _, err := rand.Read(drawn); err != nil {
		return s, err
	}
	s.token = hex.EncodeToString(drawn)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return s, err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	if err := os.WriteFile(s.signingKey(), pem.EncodeToMemory(block), 0o600); err != nil {
		return s, err
	}
	line := fmt.Sprintf("%s,admin,admin,system:masters\n", s.token)
	return s, os.WriteFile(s.tokens(), []byte(line), 0o600)
}

// admin returns the connection of somebody who may do everything, and who never waits for a turn.
func (s state) admin(port int) *rest.Config {
	return &rest.Config{
		Host:            fmt.Sprintf("https://127.0.0.1:%d", port),
		BearerToken:     s.token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: s.authority()},
		QPS:             -1,
	}
}

// unversioned makes a connection fit for paths outside every API group.
func unversioned(config *rest.Config) *rest.Config {
	copied := rest.CopyConfig(config)
	copied.GroupVersion = &schema.GroupVersion{}
	copied.NegotiatedSerializer = scheme.Codecs
	return copied
}

// writeKubeconfig writes the administrator's, with the certificate inside, so that it may be copied anywhere.
func (s state) writeKubeconfig(port int) error {
	authority, err := os.ReadFile(s.authority())
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["tests"] = &clientcmdapi.Cluster{
		Server: s.admin(port).Host, CertificateAuthorityData: authority,
	}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: s.token}
	config.Contexts["tests"] = &clientcmdapi.Context{Cluster: "tests", AuthInfo: "admin"}
	config.CurrentContext = "tests"
	return clientcmd.WriteToFile(*config, filepath.Join(s.folder, "kubeconfig"))
}
