package value

import (
	"slices"
	"sync/atomic"
)

// Shape is the list of member names that objects of one kind share. Two objects with the
// same Shape have the same names at the same places; objects with the same names may
// still have different Shapes. Shapes are immutable and safe for concurrent use.
type Shape struct {
	keys  []string
	index atomic.Pointer[map[string]int] // made on demand for long lists
	next  atomic.Pointer[Shape]          // the last extension by one name
}

// linear is the longest list of names that is searched one by one.
const linear = 8

var emptyShape = &Shape{}

// NewShape returns a shape with the given names, which it owns and which must be unique.
func NewShape(keys []string) *Shape {
	if len(keys) == 0 {
		return emptyShape
	}
	return &Shape{keys: keys}
}

// Len returns the number of names.
func (s *Shape) Len() int { return len(s.keys) }

// Key returns the name at place i.
func (s *Shape) Key(i int) string { return s.keys[i] }

// Keys returns all names; the slice must not be changed.
func (s *Shape) Keys() []string { return s.keys }

// Index returns the place of a name, or -1.
func (s *Shape) Index(key string) int {
	if len(s.keys) <= linear {
		for i := range s.keys {
			if s.keys[i] == key {
				return i
			}
		}
		return -1
	}
	m := s.index.Load()
	if m == nil {
		mm := make(map[string]int, len(s.keys))
		for i, k := range s.keys {
			mm[k] = i
		}
		m = &mm
		s.index.Store(m)
	}
	if i, ok := (*m)[key]; ok {
		return i
	}
	return -1
}

// extend returns the shape with one more name at the end, remembering the last one made.
func (s *Shape) extend(key string) *Shape {
	if n := s.next.Load(); n != nil && n.keys[len(n.keys)-1] == key {
		return n
	}
	keys := make([]string, len(s.keys)+1)
	copy(keys, s.keys)
	keys[len(s.keys)] = key
	n := NewShape(keys)
	if s != emptyShape { // the empty shape is shared by everything: no memory of its own
		s.next.Store(n)
	}
	return n
}

// dedup drops repeated names in place: the first place and the last value count.
func dedup(keys []string, vals []Value) ([]string, []Value) {
	if len(keys) <= linear {
		for i := 1; i < len(keys); i++ {
			if j := slices.Index(keys[:i], keys[i]); j >= 0 {
				vals[j] = vals[i]
				keys = slices.Delete(keys, i, i+1)
				vals = slices.Delete(vals, i, i+1)
				i--
			}
		}
		return keys, vals
	}
	seen := make(map[string]int, len(keys))
	n := 0
	for i, k := range keys {
		if j, ok := seen[k]; ok {
			vals[j] = vals[i]
			continue
		}
		seen[k] = n
		keys[n], vals[n] = k, vals[i]
		n++
	}
	return keys[:n], vals[:n]
}

// Builder collects the members of an object. The zero Builder is ready to use.
type Builder struct {
	keys  []string
	vals  []Value
	index map[string]int
}

// NewBuilder returns a builder with room for n members.
func NewBuilder(n int) *Builder {
	return &Builder{keys: make([]string, 0, n), vals: make([]Value, 0, n)}
}

// Set adds a member, or replaces the value of one that is there.
func (b *Builder) Set(key string, v Value) *Builder {
	if i := b.find(key); i >= 0 {
		b.vals[i] = v
		return b
	}
	if b.index != nil {
		b.index[key] = len(b.keys)
	}
	b.keys = append(b.keys, key)
	b.vals = append(b.vals, v)
	return b
}

// Get returns the value set for key, Absent if there is none.
func (b *Builder) Get(key string) Value {
	if i := b.find(key); i >= 0 {
		return b.vals[i]
	}
	return Value{}
}

// Len returns the number of members so far.
func (b *Builder) Len() int { return len(b.keys) }

func (b *Builder) find(key string) int {
	if b.index == nil {
		if len(b.keys) <= 2*linear {
			return slices.Index(b.keys, key)
		}
		b.index = make(map[string]int, 2*len(b.keys))
		for i, k := range b.keys {
			b.index[k] = i
		}
	}
	if i, ok := b.index[key]; ok {
		return i
	}
	return -1
}

// Object returns the object. The builder is empty afterwards.
func (b *Builder) Object() Value {
	v := ObjectOf(NewShape(b.keys), b.vals)
	*b = Builder{}
	return v
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
