# What follows the recipe for the AWS CLI: $endpoint is its endpoint.
set -eu
step() { # step WANT QUERY OPERATION...
  want=$1 query=$2
  shift 2
  got=$(aws stepfunctions --endpoint-url "$endpoint" --output text --query "$query" "$@") || exit 1
  if [ "$want" != any ] && [ "$got" != "$want" ]; then
    echo "$1: $got, not $want"
    exit 1
  fi
}
definition='{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}'
role=arn:aws:iam::123456789012:role/workflow
step any stateMachineArn create-state-machine --name quick --type EXPRESS --definition "$definition" --role-arn $role
quick=$got
step '{"a":1}' output start-sync-execution --state-machine-arn "$quick" --input '{"a":1}'
step any stateMachineArn create-state-machine --name slow --definition "$definition" --role-arn $role
slow=$got
step any executionArn start-execution --state-machine-arn "$slow"
step 4 'length(events)' get-execution-history --execution-arn "$got"
done=done
if aws stepfunctions test-state --generate-cli-skeleton input >/dev/null 2>&1; then
  step B nextState test-state --definition '{"Type":"Pass","Next":"B"}' --role-arn $role
else
  done="done without TestState, which $(aws --version) does not know"
fi
step '' @ delete-state-machine --state-machine-arn "$quick"
step '' @ delete-state-machine --state-machine-arn "$slow"
echo "$done"
