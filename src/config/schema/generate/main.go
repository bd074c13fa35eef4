// Writes the shape of the documents that kubeadm of one Kubernetes minor reads, as JSON: see ../schema.ts.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	kubeproxy "k8s.io/kube-proxy/config/v1alpha1"
	kubelet "k8s.io/kubelet/config/v1beta1"
	bootstraptoken "k8s.io/kubernetes/cmd/kubeadm/app/apis/bootstraptoken/v1"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm/v1beta4"
	"k8s.io/kubernetes/cmd/kubeadm/app/features"
)

// Types with a JSON form of their own.
var scalars = map[reflect.Type]string{
	reflect.TypeOf(metav1.Duration{}):                     "duration",
	reflect.TypeOf(metav1.Time{}):                         "time",
	reflect.TypeOf(metav1.MicroTime{}):                    "time",
	reflect.TypeOf(resource.Quantity{}):                   "quantity",
	reflect.TypeOf(resource.QuantityValue{}):              "quantity",
	reflect.TypeOf(intstr.IntOrString{}):                  "intOrString",
	reflect.TypeOf(bootstraptoken.BootstrapTokenString{}): "string",
}

var unmarshaler = reflect.TypeOf((*json.Unmarshaler)(nil)).Elem()

func shape(t reflect.Type) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name, ok := scalars[t]; ok {
		return name
	}
	if reflect.PointerTo(t).Implements(unmarshaler) {
		return "any"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "int"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "string"
		}
		return []any{shape(t.Elem())}
	case reflect.Map:
		return map[string]any{"*": shape(t.Elem())}
	case reflect.Interface:
		return "any"
	case reflect.Struct:
		fields := map[string]any{}
		addFields(fields, t)
		return fields
	}
	panic(fmt.Sprintf("no shape for %s", t))
}

func addFields(fields map[string]any, t reflect.Type) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		if name == "" && (field.Anonymous || strings.Contains(options, "inline")) {
			addFields(fields, field.Type)
			continue
		}
		if name == "" {
			name = field.Name
		}
		fields[name] = shape(field.Type)
	}
}

func main() {
	documents := map[string]any{}
	for _, document := range []any{
		kubeadm.InitConfiguration{}, kubeadm.ClusterConfiguration{}, kubeadm.JoinConfiguration{},
		kubeadm.ResetConfiguration{}, kubeadm.UpgradeConfiguration{},
		kubelet.KubeletConfiguration{}, kubeproxy.KubeProxyConfiguration{},
	} {
		t := reflect.TypeOf(document)
		documents[t.Name()] = shape(t)
	}
	gates := []string{}
	for name := range features.InitFeatureGates {
		gates = append(gates, name)
	}
	slices.Sort(gates)
	schema := map[string]any{"kubernetes": os.Args[1], "featureGates": gates, "documents": documents}
	if err := json.NewEncoder(os.Stdout).Encode(schema); err != nil {
		panic(err)
	}
}
