package emulator

import "context"

func newResultWriter(ctx context.Context, s Store, r *MapRun) (resultWriter, *Error) {
	return nil, NewError(ErrorResultWriterFailed, "no object store")
}
