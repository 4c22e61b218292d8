package asl

// Source is the text a definition was read from, with the place of every element.
type Source struct{}

type node struct{}
