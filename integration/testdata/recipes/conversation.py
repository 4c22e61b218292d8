# What follows the recipe for boto3: sfn is the client.
definition = '{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}'
role = "arn:aws:iam::123456789012:role/workflow"
quick = sfn.create_state_machine(name="quick", definition=definition, roleArn=role, type="EXPRESS")["stateMachineArn"]
r = sfn.start_sync_execution(stateMachineArn=quick, input='{"a":1}')
assert r["status"] == "SUCCEEDED" and r["output"] == '{"a":1}', r
slow = sfn.create_state_machine(name="slow", definition=definition, roleArn=role)["stateMachineArn"]
e = sfn.start_execution(stateMachineArn=slow, input='{"b":2}')["executionArn"]
r = sfn.describe_execution(executionArn=e)
assert r["status"] == "SUCCEEDED" and r["output"] == '{"b":2}', r
pages = sfn.get_paginator("get_execution_history").paginate(executionArn=e, PaginationConfig={"PageSize": 1})
types = [event["type"] for page in pages for event in page["events"]]
assert types == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"], types
try:
    sfn.describe_execution(executionArn=e + "x")
    raise SystemExit("no error")
except sfn.exceptions.ExecutionDoesNotExist:
    pass
known = hasattr(sfn, "test_state")
if not known:
    # This boto3 is older than the operation. What newer ones know of it is enough to call it.
    text = {"type": "string"}
    members = lambda *names: {"type": "structure", "members": {n: {"shape": "TestStateText"} for n in names}}
    described = sfn.meta.service_model._service_description
    described["shapes"].update(TestStateText=text, TestStateInput=members("definition", "roleArn", "input"),
                               TestStateOutput=members("status", "nextState", "output", "error", "cause"))
    described["operations"]["TestState"] = {
        "name": "TestState", "http": {"method": "POST", "requestUri": "/"}, "endpoint": {"hostPrefix": "sync-"},
        "input": {"shape": "TestStateInput"}, "output": {"shape": "TestStateOutput"}}
call = sfn.test_state if known else lambda **p: sfn._make_api_call("TestState", p)
r = call(definition='{"Type":"Pass","Next":"B"}', roleArn=role, input="{}")
assert r["status"] == "SUCCEEDED" and r["nextState"] == "B", r
assert {m["name"] for m in sfn.list_state_machines()["stateMachines"]} == {"quick", "slow"}
for arn in (quick, slow):
    sfn.delete_state_machine(stateMachineArn=arn)
assert sfn.list_state_machines()["stateMachines"] == []
print("done" if known else "done, with TestState described to boto3 " + boto3.__version__)
