package emulator

import "context"

// readItems opens what an ItemReader names.
func readItems(ctx context.Context, s Store, src *ItemSource) (ItemReader, *Error) {
	return nil, NewError(ErrorItemReaderFailed, "no object store")
}
