// Package server is the AWS Step Functions API over HTTP, in front of an
// [emulator.Engine]. It speaks AWS JSON 1.0 as the service does, so that the SDKs, the
// AWS CLI and everything built on them can be pointed at it:
//
//	s, err := server.New(server.Options{Mocks: mocks, Store: calls.FolderStore("s3")})
//	...
//	err = s.ListenAndServe(ctx, server.DefaultAddr)
//
// A [Server] is an [http.Handler]. It answers on any path and any Host header, so that
// the "sync-" prefix that SDKs put before the host for StartSyncExecution and TestState
// needs nothing but a name that resolves. Signatures are not checked.
//
// A test case of a mock configuration is chosen as in Step Functions Local, by starting
// an execution of "<state machine ARN>#<test case>". Tasks that have no mock go, in this
// order, to what the server is itself (activities, states:startExecution,
// aws-sdk:sfn), and to Options.Caller.
//
// Errors that do not arise by themselves can be had by Options.Faults.
//
// Everything is kept in memory, in bounds that [Options] sets.
//
// What is not AWS's: a deleted state machine is gone as soon as the last of its executions
// has ended, and its name can be used again at once; its executions can be looked at until
// others take their names. Accounts and regions in ARNs are not
// compared with the server's own, they just do not lead to anything. Of the child executions
// of a map run the last 10,000 that have ended are remembered, of EXPRESS executions none.
// Logs are written at once.
package server
