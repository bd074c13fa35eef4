// Command edgeadm-ipam is the CNI IPAM plugin host-local with a memory: a Pod gets the address that it had before, also
// after a reboot, so that EndpointSlices that an edge node remembers while it is offline stay true.
//
// Go, unlike the rest of this project: a CNI plugin is a process of its own for each Pod, and host-local's allocator is
// taken as it is. Configuration and reservations (/var/lib/cni/networks/<network>) are host-local's too, so that a node
// changes between the two at any time. Beside them there is one file for each address: who had it last.
//
// Contracts: https://www.cni.dev/docs/spec/ and https://www.cni.dev/plugins/current/ipam/host-local/
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containernetworking/cni/pkg/skel"
	"github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"
	"github.com/containernetworking/plugins/pkg/utils/buildversion"
	"github.com/containernetworking/plugins/plugins/ipam/host-local/backend/allocator"
	"github.com/containernetworking/plugins/plugins/ipam/host-local/backend/disk"
)

const (
	defaultDataDir   = "/var/lib/cni/networks"
	defaultMemoryDir = "/var/lib/cni/edgeadm/addresses"
	// Addresses of large networks that are remembered at most.
	maxRecords = 1024
	unfinished = ".new-"
)

// podArgs is what container runtimes tell of a Pod in CNI_ARGS.
type podArgs struct {
	types.CommonArgs
	K8S_POD_NAMESPACE types.UnmarshallableString
	K8S_POD_NAME      types.UnmarshallableString
	K8S_POD_UID       types.UnmarshallableString
}

// record tells who had an address last. Order counts uses: a clock may be wrong after a boot.
type record struct {
	Pod       string `json:"pod"`
	UID       string `json:"uid"`
	Interface string `json:"interface"`
	Container string `json:"container"`
	Netns     string `json:"netns"`
	Order     uint64 `json:"order"`
	ip        net.IP
}

// store is host-local's, which gives away no address that it remembers for another Pod, unless that one is `wanted`.
type store struct {
	*disk.Store
	dataDir, memoryDir string
	records            map[string]*record
	last               uint64
	wanted             net.IP
}

// The whole run holds the lock, so the allocator must not.
func (s *store) Lock() error   { return nil }
func (s *store) Unlock() error { return nil }

func main() {
	funcs := skel.CNIFuncs{Add: add, Check: check, Del: del}
	skel.PluginMainFuncs(funcs, version.All, buildversion.BuildString("edgeadm-ipam"))
}

func add(args *skel.CmdArgs) error {
	conf, cniVersion, err := allocator.LoadIPAMConfig(args.StdinData, args.Args)
	if err != nil {
		return err
	}
	if conf.ResolvConf != "" {
		return errors.New("edgeadm-ipam has no resolvConf: leave it out, or use host-local")
	}
	pod := podArgs{}
	if err := types.LoadArgs(args.Args, &pod); err != nil {
		return err
	}
	mine := record{UID: string(pod.K8S_POD_UID), Interface: args.IfName, Container: args.ContainerID, Netns: args.Netns}
	if pod.K8S_POD_NAME != "" {
		mine.Pod = string(pod.K8S_POD_NAMESPACE) + "/" + string(pod.K8S_POD_NAME)
	}
	s, err := open(conf, args.StdinData)
	if err != nil {
		return err
	}
	defer s.Close()

	result := &current.Result{CNIVersion: current.ImplementedSpecVersion, Routes: conf.Routes}
	requested := conf.IPArgs
	for i := range conf.Ranges {
		address, err := s.allocate(&conf.Ranges[i], i, mine, &requested)
		if err != nil {
			_ = s.ReleaseByID(args.ContainerID, args.IfName)
			return fmt.Errorf("no address of range %d: %w", i, err)
		}
		result.IPs = append(result.IPs, address)
	}
	if len(requested) > 0 {
		_ = s.ReleaseByID(args.ContainerID, args.IfName)
		return fmt.Errorf("requested addresses are in no range: %v", requested)
	}
	for _, address := range result.IPs {
		own := mine
		own.ip = address.Address.IP
		s.remember(&own)
	}
	return types.PrintResult(result, cniVersion)
}

func check(args *skel.CmdArgs) error {
	conf, _, err := allocator.LoadIPAMConfig(args.StdinData, args.Args)
	if err != nil {
		return err
	}
	held, err := disk.New(conf.Name, conf.DataDir)
	if err != nil {
		return err
	}
	defer held.Close()
	if !held.FindByID(args.ContainerID, args.IfName) {
		return fmt.Errorf("container %s has no address", args.ContainerID)
	}
	return nil
}

// del gives the address back and goes on remembering it. An older sandbox of a Pod whose address the next one has taken
// over gives back nothing.
func del(args *skel.CmdArgs) error {
	conf, _, err := allocator.LoadIPAMConfig(args.StdinData, args.Args)
	if err != nil {
		return err
	}
	s, err := open(conf, args.StdinData)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.ReleaseByID(args.ContainerID, args.IfName); err != nil {
		return err
	}
	for _, r := range s.records {
		if r.Container == args.ContainerID && r.Interface == args.IfName {
			s.remember(r)
		}
	}
	return nil
}

// open locks both stores and reads the memory. What a power cut left of a file counts as not there.
func open(conf *allocator.IPAMConfig, stdin []byte) (*store, error) {
	own := struct {
		IPAM struct {
			MemoryDir string `json:"memoryDir"`
		} `json:"ipam"`
	}{}
	if err := json.Unmarshal(stdin, &own); err != nil {
		return nil, err
	}
	held, err := disk.New(conf.Name, conf.DataDir)
	if err != nil {
		return nil, err
	}
	s := &store{
		Store:     held,
		dataDir:   filepath.Join(cmp.Or(conf.DataDir, defaultDataDir), conf.Name),
		memoryDir: filepath.Join(cmp.Or(own.IPAM.MemoryDir, defaultMemoryDir), conf.Name),
		records:   map[string]*record{},
	}
	if err := errors.Join(os.MkdirAll(s.memoryDir, 0o700), held.Lock()); err != nil {
		held.Close()
		return nil, err
	}
	files, err := os.ReadDir(s.memoryDir)
	if err != nil {
		held.Close()
		return nil, err
	}
	for _, file := range files {
		path := filepath.Join(s.memoryDir, file.Name())
		if strings.HasPrefix(file.Name(), unfinished) {
			os.Remove(path)
			continue
		}
		r := record{ip: net.ParseIP(file.Name())}
		text, err := os.ReadFile(path)
		if err != nil || r.ip == nil || json.Unmarshal(text, &r) != nil {
			continue
		}
		s.records[r.ip.String()] = &r
		s.last = max(s.last, r.Order)
	}
	return s, nil
}

// allocate chooses: what was requested, what the Pod had, what nobody had, what was not used for the longest time.
func (s *store) allocate(set *allocator.RangeSet, id int, mine record, requested *[]net.IP) (*current.IPConfig, error) {
	ips := allocator.NewIPAllocator(set, s, id)
	for _, held := range s.GetByID(mine.Container, mine.Interface) {
		if set.Contains(held) {
			return nil, fmt.Errorf("%s has been allocated to %s already", held, mine.Container)
		}
	}
	get := func(ip net.IP) (*current.IPConfig, error) {
		s.wanted = ip
		defer func() { s.wanted = nil }()
		return ips.Get(mine.Container, mine.Interface, ip)
	}
	for i, ip := range *requested {
		if set.Contains(ip) {
			*requested = slices.Delete(*requested, i, i+1)
			return get(ip)
		}
	}
	known := slices.SortedFunc(maps.Values(s.records), func(a, b *record) int { return cmp.Compare(a.Order, b.Order) })
	known = slices.DeleteFunc(known, func(r *record) bool { return !set.Contains(r.ip) })
	for _, r := range slices.Backward(known) {
		if mine.Pod == "" || r.Pod != mine.Pod || r.Interface != mine.Interface {
			continue
		}
		// The kubelet runs one sandbox of a Pod at a time: what an older one still holds can be taken over.
		if r.UID == mine.UID && mine.UID != "" {
			r.Netns = ""
		}
		if found, err := get(r.ip); err == nil {
			return found, nil
		}
	}
	found, err := get(nil)
	if err == nil {
		return found, nil
	}
	for _, r := range known {
		if found, err := get(r.ip); err == nil {
			return found, nil
		}
	}
	return nil, err
}

// Reserve is called by the allocator for each address that it considers.
func (s *store) Reserve(id, ifname string, ip net.IP, rangeID string) (bool, error) {
	if s.records[ip.String()] != nil && !ip.Equal(s.wanted) {
		return false, nil
	}
	path := disk.GetEscapedPath(s.dataDir, ip.String())
	if s.inUse(path, s.records[ip.String()]) {
		return false, nil
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return false, err
	}
	return s.Store.Reserve(id, ifname, ip, rangeID)
}

// inUse tells whether a reservation is that of a living sandbox. After a boot none lives: network namespaces are gone.
func (s *store) inUse(path string, r *record) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return !os.IsNotExist(err)
	}
	holder, _, _ := strings.Cut(strings.Trim(string(text), "\x00\r\n "), disk.LineBreak)
	if holder == "" {
		return false // Torn by a power cut.
	}
	if r == nil || r.Container != holder {
		return true // Of host-local, before it was replaced.
	}
	_, err = os.Stat(r.Netns)
	return r.Netns != "" && !os.IsNotExist(err)
}

// remember writes a record so that it is whole or absent after a power cut. Without it the Pod runs as well, until it
// gets another address after a boot: no reason to refuse it one.
func (s *store) remember(r *record) {
	s.last++
	r.Order = s.last
	s.records[r.ip.String()] = r
	if err := s.write(r); err != nil {
		fmt.Fprintf(os.Stderr, "edgeadm-ipam: %s is not remembered: %v\n", r.ip, err)
	}
	oldest := slices.SortedFunc(maps.Values(s.records), func(a, b *record) int { return cmp.Compare(a.Order, b.Order) })
	for _, old := range oldest[:max(0, len(oldest)-maxRecords)] {
		if !s.inUse(disk.GetEscapedPath(s.dataDir, old.ip.String()), old) {
			os.Remove(filepath.Join(s.memoryDir, old.ip.String()))
		}
	}
}

func (s *store) write(r *record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(s.memoryDir, unfinished)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(s.memoryDir, r.ip.String()))
	}
	if err != nil {
		os.Remove(file.Name())
		return err
	}
	folder, err := os.Open(s.memoryDir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
