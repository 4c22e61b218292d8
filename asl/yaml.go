package asl

func readYAML(src *Source) (*node, Diagnostics) { return nil, nil }
