// Package explain says what an error of a Bedrock workflow means and what cures
// it, offline.
//
// [Explain] takes the text of an error as it was found in a terminal, a log or an
// execution: with or without what an SDK, the command line or Step Functions
// wrapped around it ([Unwrap] takes that off). It recognises which entry of the
// catalogue the message is and answers with the causes in the order to check, how
// to tell them apart, and the fixes: for a denied request the exact statement that
// is missing, for others the region or profile to use, the step in the console,
// the name of the quota, or a support case ready to send. [ExplainError] takes the
// error name and cause of a failed state, [History] a dump of GetExecutionHistory,
// in which it finds the failures itself.
//
//	x, known := explain.Explain("An error occurred (AccessDeniedException) when calling …")
//	fmt.Print(x.Text())
//
// Nothing is invented: what the catalogue does not hold is answered with what the
// text itself shows and known set to false.
//
// The facts lie in catalogue.json with their date and sources; an entry of which
// the wording was never seen in the original says so. Adding an error means adding
// an entry there and a line of test data.
package explain
