package value

import (
	"cmp"
	"slices"
	"unicode/utf16"
)

// HashOrder returns the places of names, which are unequal, in the order in which a hash map
// of Java iterates over them after they were put into it one after another. The service
// shows members of objects that it has put together in this order.
func HashOrder(names []string) []int {
	buckets := uint32(16)
	for float64(len(names)) > 0.75*float64(buckets) {
		buckets *= 2
	}
	order := make([]int, len(names))
	bucket := make([]uint32, len(names))
	for i, name := range names {
		h := uint32(0)
		for _, c := range utf16.Encode([]rune(name)) {
			h = 31*h + uint32(c)
		}
		order[i], bucket[i] = i, (h^h>>16)&(buckets-1)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(bucket[a], bucket[b]) })
	return order
}
