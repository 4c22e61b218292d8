package asl_test

import (
	"testing"

	"github.com/sfnkit/sfnkit/asl"
)

func TestMapLabel(t *testing.T) {
	for _, c := range []struct{ name, label, want string }{
		{"Each order", "", "57ac48b5-98e9-3cd1-b2ae-3b3b95490a8f"}, // UUID.nameUUIDFromBytes of Java
		{"Prüfe", "", "fe1f9a94-1643-34f5-a3b2-f35ccaf235f8"},
		{"Each order", "orders", "orders"},
	} {
		if got := (&asl.State{Name: c.name, Label: c.label}).MapLabel(); got != c.want {
			t.Errorf("%s %q: %s", c.name, c.label, got)
		}
	}
}
