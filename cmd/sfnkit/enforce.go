package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sfnkit/sfnkit/emulator"
	"github.com/sfnkit/sfnkit/emulator/calls"
	"github.com/sfnkit/sfnkit/policygen/account"
	"github.com/sfnkit/sfnkit/policygen/iam"
)

// enforceFlags are those that let calls be refused as AWS would.
type enforceFlags struct {
	policies []string
	scps     []string
	boundary string
	access   []string
	quotas   []string
	gate     string
}

func (f *enforceFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.policies, "policy", nil, "refuse calls that the execution role's policy in a `FILE` does not allow; ROLE_ARN=FILE for a role that Credentials name (repeatable)")
	fs.StringArrayVar(&f.scps, "scp", nil, "a `FILE` with a service control policy, one for each level of the organization; beside one that only denies, everything is allowed (repeatable)")
	fs.StringVar(&f.boundary, "boundary", "", "a `FILE` with the role's permissions boundary")
	fs.StringArrayVar(&f.access, "model-access", nil, "the models that may be called, as `REGION=MODEL,...`; others are refused (repeatable)")
	fs.StringArrayVar(&f.quotas, "quota", nil, "a quota on the calls of a model, as `MODEL=requests:N,tokens:N` a minute (repeatable)")
	fs.StringVar(&f.gate, "gate", "", "a `REASON` for which Bedrock refuses every model: "+strings.Join(calls.Gates(), ", "))
}

// enforcement is what the flags ask for: what stands before a caller, nil if nothing is
// asked for, and the account, nil if no policies are given.
func (f *enforceFlags) enforcement() (func(emulator.Caller) emulator.Caller, *account.Account, error) {
	var e calls.Enforcement
	var a *account.Account
	var err error
	if len(f.policies)+len(f.scps) > 0 || f.boundary != "" {
		if a, err = f.authority(); err != nil {
			return nil, nil, err
		}
		e.Authority = a
	}
	if len(f.access) > 0 {
		e.Access = make(calls.ModelAccess)
		for _, text := range f.access {
			if err := e.Access.Add(text); err != nil {
				return nil, nil, fmt.Errorf("--model-access: %w", err)
			}
		}
	}
	var quotas []calls.Quota
	for _, text := range f.quotas {
		q, err := calls.ParseQuota(text)
		if err != nil {
			return nil, nil, fmt.Errorf("--quota: %w", err)
		}
		quotas = append(quotas, q)
	}
	if quotas != nil {
		e.Quotas = calls.NewQuotas(quotas...)
	}
	if f.gate != "" {
		if e.Gate = calls.FindGate(f.gate); e.Gate == nil {
			return nil, nil, fmt.Errorf("--gate takes %s, not %q", strings.Join(calls.Gates(), " or "), f.gate)
		}
	}
	if e.Authority == nil && e.Access == nil && e.Quotas == nil && e.Gate == nil {
		return nil, nil, nil
	}
	return func(next emulator.Caller) emulator.Caller { return calls.Enforce(e, next) }, a, nil
}

func (f *enforceFlags) authority() (*account.Account, error) {
	var o account.Options
	role := account.Role{}
	var others []account.Role
	for _, file := range f.policies {
		arn := ""
		if before, after, ok := strings.Cut(file, "="); ok && strings.HasPrefix(before, "arn:") {
			arn, file = before, after
		}
		p, err := readPolicy(file)
		if err != nil {
			return nil, err
		}
		if arn == "" {
			role.Policies = append(role.Policies, p)
			continue
		}
		i := slices.IndexFunc(others, func(r account.Role) bool { return r.ARN == arn })
		if i < 0 {
			i = len(others)
			others = append(others, account.Role{ARN: arn})
		}
		others[i].Policies = append(others[i].Policies, p)
	}
	if f.boundary != "" {
		p, err := readPolicy(f.boundary)
		if err != nil {
			return nil, err
		}
		role.Boundary = &p
	}
	everything := account.Policy{Name: "everything", Document: &iam.Policy{
		Version:    iam.Version2012,
		Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}},
	}}
	if len(role.Policies) == 0 {
		// Only what limits the role was given: the role itself may do everything.
		role.Policies = []account.Policy{everything}
	}
	o.Roles = append(others, role)
	for _, file := range f.scps {
		p, err := readPolicy(file)
		if err != nil {
			return nil, err
		}
		level := []account.Policy{p}
		if !slices.ContainsFunc(p.Document.Statements, func(s iam.Statement) bool { return s.Effect == iam.Allow }) {
			// Such policies stand beside the FullAWSAccess that AWS attaches.
			level = append(level, everything)
		}
		o.SCPs = append(o.SCPs, level)
	}
	return account.New(o)
}

func readPolicy(file string) (account.Policy, error) {
	text, err := readFile(file, nil)
	if err != nil {
		return account.Policy{}, err
	}
	p, err := iam.Parse(text)
	if err != nil {
		return account.Policy{}, fmt.Errorf("%s: %w", file, err)
	}
	return account.Policy{Name: file, Document: p}, nil
}
