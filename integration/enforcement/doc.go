// Package enforcement tests that the policies that are generated are the narrowest that
// suffice: every workflow of a corpus is run with calls held against its policy, and
// against every policy that lacks a part of it. It also produces the errors that AWS's
// help pages on access to Bedrock are about and asks for their explanation.
package enforcement
