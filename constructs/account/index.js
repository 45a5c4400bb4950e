// Makes sure that API Gateway has a role with which it can write logs. An account has one such
// role per region, which all its APIs use, so one that works is never replaced:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
//
// The role that is created here is the account's, not the stack's. It has the same name
// whichever stack creates it, and stays when the stack is deleted, because other APIs may use it.
const { APIGateway } = require('@aws-sdk/client-api-gateway');
const { IAM } = require('@aws-sdk/client-iam');

// Deployments side by side share one UpdateAccount call in 20 seconds, and API Gateway rejects a
// role that IAM does not know everywhere yet.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
const attempts = 15;
const pauseMilliseconds = 21_000;
const passing = ['TooManyRequestsException', 'BadRequestException', 'ConcurrentModificationException'];

exports.pause = () => new Promise((done) => setTimeout(done, pauseMilliseconds));

exports.handler = async (event) => {
  if (event.RequestType === 'Delete') return {};
  const properties = event.ResourceProperties;
  const gateway = new APIGateway({});
  const iam = new IAM({});
  for (let attempt = 1; ; attempt++) {
    try {
      const { cloudwatchRoleArn: current } = await gateway.getAccount({});
      if (!(await usable(iam, current, properties.LeavingPrefix))) {
        const value = await createRole(iam, properties);
        await gateway.updateAccount({ patchOperations: [{ op: 'replace', path: '/cloudwatchRoleArn', value }] });
        console.log(`API Gateway writes logs as ${value}, instead of ${current}`);
      }
      return { PhysicalResourceId: 'api-gateway-account' };
    } catch (error) {
      if (attempt === attempts || !passing.includes(error.name)) throw error;
      console.log(`attempt ${attempt}: ${error.name}: ${error.message}`);
      await exports.pause();
    }
  }
};

// usable reports whether a role exists, and is not one of this stack, which leaves with it.
async function usable(iam, arn, leavingPrefix) {
  if (!arn) return false;
  const RoleName = arn.slice(arn.lastIndexOf('/') + 1);
  if (RoleName.startsWith(leavingPrefix)) return false;
  try {
    await iam.getRole({ RoleName });
    return true;
  } catch (error) {
    if (error.name === 'NoSuchEntityException') return false;
    throw error;
  }
}

// createRole creates the account's role, or completes the one that another stack has created.
async function createRole(iam, { RoleName, RoleArn, PolicyArn, StackLogGroups }) {
  try {
    await iam.createRole({
      RoleName,
      Description: 'API Gateway writes the logs of all APIs of this account with it. No stack deletes it',
      AssumeRolePolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'apigateway.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      }),
    });
  } catch (error) {
    if (error.name !== 'EntityAlreadyExistsException') throw error;
  }
  await iam.attachRolePolicy({ RoleName, PolicyArn });
  // A line that comes after a stack was deleted must not bring back its log group: the next
  // deployment of that stack would fail, because the log group exists.
  await iam.putRolePolicy({
    RoleName,
    PolicyName: 'stacks-create-their-log-groups',
    PolicyDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Action: 'logs:CreateLogGroup', Resource: StackLogGroups }],
    }),
  });
  return RoleArn;
}
