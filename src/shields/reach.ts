// Runs a shield's connections to what its first response closes: an example cluster is compiled with the shield at block,
// and each caller is judged twice, by the reference evaluator and by a trace through the kernel table. Both must agree.
import { parseCidr } from '../base/cidr.ts';
import { Inventory } from '../model/inventory.ts';
import type { AgentPlan } from '../model/plan.ts';
import { Policy } from '../model/policy.ts';
import type { ReachTest, Shield } from '../model/shield.ts';
import { buildTable } from '../nft/build.ts';
import { traceConnection, tracePacket } from '../nft/trace.ts';
import { type CompileInput, compile } from '../policy/compile.ts';
import { evaluate } from '../policy/evaluate.ts';
import { partName } from '../policy/part-name.ts';

/** `here` is called; `cp` runs the API server. Pods have addresses of no host. */
const addresses: Readonly<Record<ReachTest['caller']['at'], string>> = {
  'api-server': '192.0.2.1',
  member: '192.0.2.2',
  'same-host': '192.0.2.3',
  node: '192.0.2.4',
  pod: '10.244.7.7',
  elsewhere: '198.51.100.9',
};
const here = 'here';
const admission = { address: '10.244.1.8', port: 8443 };

/** @returns what differed, as a clause; '' when nothing did */
export function runReach(shield: Shield, test: ReachTest): string {
  const plan = planFor(shield, test);
  const kernel = inKernel(plan, test);
  if (kernel !== test.expect) return `the connection would meet ${kernel}, not ${test.expect}`;
  if (test.to === 'loopback' || test.caller.at === 'same-host') return '';
  const service = plan.services.find(({ endpoints }) =>
    endpoints.some(({ address, port }) => address === addressOf(test) && port === test.port),
  );
  const verdict = service ? evaluate(service, addresses[test.caller.at]).verdict : 'pass';
  return verdict === kernel ? '' : `the evaluator says ${verdict} where the kernel says ${kernel}`;
}

function planFor(shield: Shield, { caller, to, named }: ReachTest): AgentPlan {
  const { at, tags } = caller;
  const host = (name: string, place: ReachTest['caller']['at'], tier: string) => ({
    name,
    cluster: 'lab',
    addresses: [addresses[place]],
    tags: [`tier=${tier}`, ...(at === place ? tags : [])],
  });
  const outside =
    at === 'pod' || at === 'elsewhere' ? [{ name: 'callers', addresses: [addresses[at]], tags }] : [];
  const input: CompileInput = {
    inventory: Inventory.parse({
      apiVersion: 'portcullis/v1',
      clusters: [{ name: 'lab', ingressAdmission: [admission] }],
      hosts: [
        host('cp', 'api-server', 'control-plane'),
        host('member', 'member', 'control-plane'),
        // etcd is on control-plane hosts alone.
        host(here, 'same-host', to === 'etcd' ? 'control-plane' : 'node'),
        host('node', 'node', 'node'),
      ],
      servers: [{ name: 'lab/api', cluster: 'lab', host: 'cp', address: addresses['api-server'] }],
      groups: outside,
    }),
    policy: Policy.parse({
      apiVersion: 'portcullis/v1',
      rules:
        named === undefined
          ? []
          : [{ id: 'named', from: named, to: 'any', service: to, action: 'pass', reason: 'of the test' }],
    }),
    shields: [shield],
    observed: new Map(),
    stages: [here, 'lab'].map((of) => ({
      server: partName(shield.component, of),
      shield: shield.id,
      stage: 'block',
    })),
    controllers: [],
    probers: [],
    enrolled: [here],
  };
  const body = compile(input).agents.get(here);
  if (!body) throw new TypeError('the example host has no plan');
  return { ...body, generation: 1, issuedAt: '2026-01-01T00:00:00Z' };
}

function addressOf({ to }: ReachTest): string {
  return to === 'webhook' ? admission.address : addresses['same-host'];
}

function inKernel(plan: AgentPlan, test: ReachTest): ReachTest['expect'] {
  const table = buildTable(plan, { localAddresses: [addresses['same-host']] });
  const from = addresses[test.caller.at];
  const local = test.caller.at === 'same-host';
  if (test.to === 'loopback' || local) {
    const packet = {
      family: 4,
      source: parseCidr(local ? '127.0.0.1' : from).first,
      sourcePort: 40_000,
      destination: parseCidr(test.to === 'loopback' ? '127.0.0.1' : addressOf(test)).first,
      destinationPort: test.port,
      reset: false,
      loopback: local,
      local: true,
      fromLocal: local,
      direction: 'original',
    } as const;
    for (const hook of ['prerouting', 'input'] as const) {
      const { outcome } = tracePacket(table, hook, packet);
      if (outcome !== 'accept') return outcome === 'reset' ? 'deny' : 'drop';
    }
    return 'pass';
  }
  const { request } = traceConnection(table, {
    from,
    to: addressOf(test),
    port: test.port,
    local: test.to !== 'webhook',
  });
  if (request === 'direct' || request === 'steered') return 'pass';
  return request === 'reset' ? 'deny' : 'drop';
}
