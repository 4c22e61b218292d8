package asl

func (v *validator) advise() {}
