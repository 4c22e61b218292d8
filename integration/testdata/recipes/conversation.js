// What follows the recipe for the AWS SDK for JavaScript: sfn is the client.
import assert from "node:assert/strict";
import { paginateGetExecutionHistory, ExecutionDoesNotExist } from "@aws-sdk/client-sfn";

const definition = '{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}';
const roleArn = "arn:aws:iam::123456789012:role/workflow";
const quick = await sfn.createStateMachine({ name: "quick", definition, roleArn, type: "EXPRESS" });
const sync = await sfn.startSyncExecution({ stateMachineArn: quick.stateMachineArn, input: '{"a":1}' });
assert.equal(sync.status, "SUCCEEDED");
assert.equal(sync.output, '{"a":1}');
const slow = await sfn.createStateMachine({ name: "slow", definition, roleArn });
const { executionArn, startDate } = await sfn.startExecution({ stateMachineArn: slow.stateMachineArn, input: '{"b":2}' });
assert(startDate instanceof Date);
const e = await sfn.describeExecution({ executionArn });
assert.equal(e.status, "SUCCEEDED");
assert.equal(e.output, '{"b":2}');
const types = [];
for await (const page of paginateGetExecutionHistory({ client: sfn, pageSize: 1 }, { executionArn })) {
  types.push(...page.events.map((event) => event.type));
}
assert.deepEqual(types, ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]);
await assert.rejects(sfn.describeExecution({ executionArn: executionArn + "x" }), ExecutionDoesNotExist);
const test = await sfn.testState({ definition: '{"Type":"Pass","Next":"B"}', roleArn, input: "{}" });
assert.equal(test.status, "SUCCEEDED");
assert.equal(test.nextState, "B");
assert.equal((await sfn.listStateMachines({})).stateMachines.length, 2);
for (const { stateMachineArn } of [quick, slow]) await sfn.deleteStateMachine({ stateMachineArn });
assert.deepEqual((await sfn.listStateMachines({})).stateMachines, []);
console.log("done");
