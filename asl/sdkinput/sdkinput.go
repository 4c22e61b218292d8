// Package sdkinput knows what the SDK integration of Step Functions takes: the members,
// and their types, of the input of each operation of each service, as in
// arn:aws:states:::aws-sdk:SERVICE:OPERATION.
//
// It is a snapshot of the services' own models, see [Source]. What came later is not in
// it, and what is not in it is unknown rather than wrong.
package sdkinput

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"strings"
	"sync"
)

// inputsZip has one file for each service, so that reading one costs nothing of the
// others, and a README that says what the files look like. generate makes it.
//
//go:embed inputs.zip
var inputsZip []byte

// Kind is the first letter of a [Type].
type Kind byte

// The kinds. [Any] stands for bytes and documents, which take any JSON. A [Stream] does
// too, and is no member of the request's class but stands beside it.
const (
	Text      Kind = 's'
	Integer   Kind = 'i'
	Long      Kind = 'l'
	Float     Kind = 'f'
	Double    Kind = 'd'
	Boolean   Kind = 'b'
	Timestamp Kind = 't'
	Any       Kind = 'a'
	Stream    Kind = 'r'
	List      Kind = '['
	Map       Kind = '{'
	Object    Kind = 'S' // a structure
)

// Type is a type as the data spells it: a letter for a scalar, [ and { before the type of
// the elements of a list or of the values of a map, and the name of a structure.
type Type string

// Kind returns the kind of the type.
func (t Type) Kind() Kind {
	if t == "" {
		return Any
	}
	if c := t[0]; c < 'A' || c > 'Z' {
		return Kind(c)
	}
	return Object
}

// Elem returns the type of the elements of a list or of the values of a map.
func (t Type) Elem() Type { return t[1:] }

// Member is a member of a structure.
type Member struct {
	Names    []string // the first is the member's, the others are taken for it as well
	Type     Type
	Required bool // of the input of an operation: it must be there
}

// Structure is the input of an operation, or a structure in it.
type Structure struct {
	Class   string // of the SDK for Java, without its package; "" for an input
	Package string // the package of the class
	Members []Member
	service *service
}

// Member returns the member with a name, nil if there is none.
func (s *Structure) Member(name string) *Member {
	for i := range s.Members {
		for _, n := range s.Members[i].Names {
			if n == name {
				return &s.Members[i]
			}
		}
	}
	return nil
}

// Structure returns the structure that a type of kind [Object] names.
func (s *Structure) Structure(t Type) *Structure { return s.service.structure(string(t)) }

// Operation returns the input of an operation, nil if the service or the operation is not
// known. Names are those of Resource ARNs: "sqs" and "sendMessage".
func Operation(service, name string) *Structure {
	s := load(service)
	if s == nil || name == "" || name[0] < 'a' || name[0] > 'z' || strings.ContainsAny(name, " \n") {
		return nil
	}
	return s.structure(name)
}

// Source says what the snapshot was made from.
func Source() string { return archive().Comment }

var archive = sync.OnceValue(func() *zip.Reader {
	r, err := zip.NewReader(bytes.NewReader(inputsZip), int64(len(inputsZip)))
	if err != nil {
		panic("sdkinput: " + err.Error())
	}
	return r
})

// files has the files of the archive by their names. Looking a name up there is cheaper
// than opening it through fs.FS, which sorts all names first.
var files = sync.OnceValue(func() map[string]*zip.File {
	m := make(map[string]*zip.File, len(archive().File))
	for _, f := range archive().File {
		if f.Name != "README" {
			m[f.Name] = f
		}
	}
	return m
})

// service is the text of one file and what was read of it so far.
type service struct {
	pkg  string
	text string
	mu   sync.Mutex
	read map[string]*Structure
}

var services sync.Map // name -> func() *service

func load(name string) *service {
	if f, ok := services.Load(name); ok {
		return f.(func() *service)()
	}
	file := files()[name]
	if file == nil {
		return nil // not kept: names come from definitions, and there is no end of them
	}
	f, _ := services.LoadOrStore(name, sync.OnceValue(func() *service {
		r, err := file.Open()
		if err != nil {
			panic("sdkinput: " + name + ": " + err.Error())
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		if err != nil {
			panic("sdkinput: " + name + ": " + err.Error())
		}
		pkg, rest, _ := strings.Cut(string(text), "\n")
		return &service{pkg: pkg, text: "\n" + rest, read: map[string]*Structure{}}
	}))
	return f.(func() *service)()
}

func (s *service) structure(name string) *Structure {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.read[name]; ok {
		return t
	}
	i := strings.Index(s.text, "\n"+name+" ")
	if i < 0 {
		return nil
	}
	line, _, _ := strings.Cut(s.text[i+1:], "\n")
	t := &Structure{Package: s.pkg, service: s}
	words := strings.Fields(line)
	if name[0] < 'a' {
		t.Class = name
	}
	t.Members = make([]Member, len(words)-1)
	for j, w := range words[1:] {
		k := strings.IndexAny(w, ":!")
		t.Members[j] = Member{Names: strings.Split(w[:k], "|"), Type: Type(w[k+1:]), Required: w[k] == '!'}
	}
	s.read[name] = t
	return t
}
