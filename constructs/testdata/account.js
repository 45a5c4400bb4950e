// Runs account/index.js against an account that is described on standard input, and prints what
// became of it. AWS's clients are replaced by ones that know the account.
const Module = require('module');
const { readFileSync } = require('fs');

const account = JSON.parse(readFileSync(0));
const calls = [];
let waits = 0;

const failure = (name) => Object.assign(new Error(name), { name });

class APIGateway {
  async getAccount() {
    return account.role ? { cloudwatchRoleArn: account.role } : {};
  }
  async updateAccount({ patchOperations: [{ op, path, value }] }) {
    const error = (account.updateErrors ?? []).shift();
    if (error) throw failure(error);
    calls.push(`${op} ${path}`);
    account.role = value;
  }
}

class IAM {
  async getRole({ RoleName }) {
    if (!account.roles.includes(RoleName)) throw failure('NoSuchEntityException');
    return {};
  }
  async createRole({ RoleName, AssumeRolePolicyDocument }) {
    if (account.roles.includes(RoleName)) throw failure('EntityAlreadyExistsException');
    calls.push(`create ${RoleName} for ${JSON.parse(AssumeRolePolicyDocument).Statement[0].Principal.Service}`);
    account.roles.push(RoleName);
  }
  async attachRolePolicy({ RoleName, PolicyArn }) {
    calls.push(`attach ${PolicyArn} to ${RoleName}`);
  }
  async putRolePolicy({ RoleName, PolicyDocument }) {
    const [{ Effect, Action, Resource }] = JSON.parse(PolicyDocument).Statement;
    calls.push(`${RoleName}: ${Effect} ${Action} on ${Resource}`);
  }
}

const clients = { '@aws-sdk/client-api-gateway': { APIGateway }, '@aws-sdk/client-iam': { IAM } };
const load = Module._load;
Module._load = (name, ...rest) => clients[name] ?? load(name, ...rest);
console.log = () => {};

const index = require('../account/index.js');
index.pause = async () => {
  waits++;
  account.role = account.roleAfterWait ?? account.role;
};
index
  .handler({
    RequestType: account.request,
    ResourceProperties: {
      RoleName: 'shared', RoleArn: 'arn:aws:iam::1:role/shared', PolicyArn: 'policy', LeavingPrefix: 'TapStackdev-', StackLogGroups: 'groups',
    },
  })
  .then((response) => ({ response }), (error) => ({ error: error.name }))
  .then((result) => process.stdout.write(JSON.stringify({ ...result, role: account.role, calls, waits })));
