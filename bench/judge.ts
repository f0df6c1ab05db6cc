// What the judge costs per exchange: nanoseconds of CPU for one plain GET and its answer through createConnection, with
// no rules, with the shield of CVE-2018-1002105, with all that are
// shipped, and with a catalogue-sized rule set. Sockets and TLS are not in it.
//   node bench/judge.ts [--json]
import { createConnection } from '../src/inspect/connection.ts';
import {
  type ConnectionSink,
  defaultConnectionLimits,
  defaultIdentityFields,
} from '../src/inspect/connection-types.ts';
import { compileRules, noRules, type RuleSet } from '../src/inspect/rules.ts';
import type { GateShield } from '../src/model/plan.ts';
import type { ShieldRule } from '../src/model/shield.ts';
import { shippedShields } from './lib/catalogue.ts';

const gateShields = shippedShields();
const one = gateShields.filter(({ id }) => id === 'CVE-2018-1002105');

const request = Buffer.from(
  'GET /api/v1/namespaces/lab/pods/web HTTP/1.1\r\nHost: 10.0.0.1:6443\r\n' +
    'User-Agent: kubectl/v1.33.0 (linux/amd64) kubernetes/60a317e\r\nAccept: application/json\r\n' +
    `Authorization: Bearer ${'x'.repeat(900)}\r\nAccept-Encoding: gzip\r\n\r\n`,
);
const answer = Buffer.from(
  'HTTP/1.1 200 OK\r\nAudit-Id: 0b2f3c1e-8b0e-4a52-9d5b-5c4f2d1a7e11\r\nCache-Control: no-cache, private\r\n' +
    'Content-Type: application/json\r\nX-Kubernetes-Pf-Flowschema-Uid: 6f1c5b1a\r\nX-Kubernetes-Pf-Prioritylevel-Uid: 3a9d\r\n' +
    `Date: Mon, 23 Nov 2026 15:00:00 GMT\r\nContent-Length: 2700\r\n\r\n${'y'.repeat(2700)}`,
);

/** Fifty shields of five rules, none of which concerns a GET of a pod, as in a full catalogue. */
function catalogue(): GateShield[] {
  const resources = ['ingresses', 'nodes', 'services', 'endpointslices', 'persistentvolumes'];
  return Array.from({ length: 50 }, (_, number) => ({
    id: `CVE-2099-${number}`,
    rules: resources.map(
      (resource, position): ShieldRule => ({
        id: `rule-${position}`,
        phase: position === 4 ? 'response' : 'request',
        when: `request.resource == "${resource}" && request.verb in ["create", "update"] && request.path.matches("x+y")`,
        action: 'deny',
        severity: 'major',
        message: 'No.',
      }),
    ),
  }));
}

const sink: ConnectionSink = {
  toServer() {},
  toClient() {},
  closeServer() {},
  endClient() {},
  abort() {},
  holdClient() {},
  finding() {
    throw new Error('a plain exchange raised a finding');
  },
  request() {},
  response() {},
};

/** @returns nanoseconds of CPU an exchange */
function measure(rules: RuleSet, exchanges: number): number {
  const judge = createConnection(
    {
      identity: { method: 'certificate', user: 'developer', groups: ['lab', 'team-a'] },
      identityFields: defaultIdentityFields,
      sourceAddress: '192.0.2.7',
      rules,
      limits: defaultConnectionLimits,
    },
    sink,
  );
  const before = process.cpuUsage();
  for (let i = 0; i < exchanges; i++) {
    judge.clientData(request);
    judge.serverData(answer);
  }
  const spent = process.cpuUsage(before);
  return ((spent.user + spent.system) * 1000) / exchanges;
}

const sets: readonly [string, RuleSet][] = [
  ['no rules', noRules],
  ['CVE-2018-1002105', compileRules(one)],
  ['that and 250 rules', compileRules([...one, ...catalogue()])],
  [`all ${gateShields.length} shipped`, compileRules(gateShields)],
];
const results = sets.map(([name, rules]) => {
  measure(rules, 20_000);
  const runs = Array.from({ length: 5 }, () => measure(rules, 100_000)).sort((a, b) => a - b);
  return { name, nsPerExchange: Math.round(runs[2] ?? 0), best: Math.round(runs[0] ?? 0) };
});
if (process.argv.includes('--json')) console.log(JSON.stringify(results));
else {
  for (const { name, nsPerExchange, best } of results) {
    console.log(`${name.padEnd(20)} ${String(nsPerExchange).padStart(6)} ns/exchange (best ${best})`);
  }
}
