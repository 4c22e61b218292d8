package main

import (
	"fmt"
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
	fs.StringArrayVar(&f.policies, "policy", nil, "refuse calls that the execution role's policy in a `FILE` does not allow (repeatable)")
	fs.StringArrayVar(&f.scps, "scp", nil, "a `FILE` with a service control policy, one for each level of the organization (repeatable)")
	fs.StringVar(&f.boundary, "boundary", "", "a `FILE` with the role's permissions boundary")
	fs.StringArrayVar(&f.access, "model-access", nil, "the models that may be called, as `REGION=MODEL,...`; others are refused (repeatable)")
	fs.StringArrayVar(&f.quotas, "quota", nil, "a quota on the calls of a model, as `MODEL=requests:N,tokens:N` a minute (repeatable)")
	fs.StringVar(&f.gate, "gate", "", "a `REASON` for which Bedrock refuses every model: "+strings.Join(calls.Gates(), ", "))
}

// enforce puts what the flags ask for before a caller.
func (f *enforceFlags) enforce(next emulator.Caller) (emulator.Caller, error) {
	var e calls.Enforcement
	var err error
	if len(f.policies)+len(f.scps) > 0 || f.boundary != "" {
		if e.Authority, err = f.authority(); err != nil {
			return nil, err
		}
	}
	if len(f.access) > 0 {
		e.Access = make(calls.ModelAccess)
		for _, text := range f.access {
			if err := e.Access.Add(text); err != nil {
				return nil, fmt.Errorf("--model-access: %w", err)
			}
		}
	}
	var quotas []calls.Quota
	for _, text := range f.quotas {
		q, err := calls.ParseQuota(text)
		if err != nil {
			return nil, fmt.Errorf("--quota: %w", err)
		}
		quotas = append(quotas, q)
	}
	if quotas != nil {
		e.Quotas = calls.NewQuotas(quotas...)
	}
	if f.gate != "" {
		if e.Gate = calls.FindGate(f.gate); e.Gate == nil {
			return nil, fmt.Errorf("--gate takes %s, not %q", strings.Join(calls.Gates(), " or "), f.gate)
		}
	}
	if e.Authority == nil && e.Access == nil && e.Quotas == nil && e.Gate == nil {
		return next, nil
	}
	return calls.Enforce(e, next), nil
}

func (f *enforceFlags) authority() (*account.Account, error) {
	var o account.Options
	role := account.Role{}
	for _, file := range f.policies {
		p, err := readPolicy(file)
		if err != nil {
			return nil, err
		}
		role.Policies = append(role.Policies, p)
	}
	if f.boundary != "" {
		p, err := readPolicy(f.boundary)
		if err != nil {
			return nil, err
		}
		role.Boundary = &p
	}
	if len(f.policies) == 0 {
		// Only what limits the role was given: the role itself may do everything.
		role.Policies = []account.Policy{{Name: "everything", Document: &iam.Policy{
			Version:    iam.Version2012,
			Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}},
		}}}
	}
	o.Roles = []account.Role{role}
	for _, file := range f.scps {
		p, err := readPolicy(file)
		if err != nil {
			return nil, err
		}
		o.SCPs = append(o.SCPs, []account.Policy{p})
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
