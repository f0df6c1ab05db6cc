// The checks of a verification: what is asked, and what the answer shows. None changes anything.
//
// For each way to each server, by what the policy says of callers from here:
//   deny, drop    nothing may answer
//   steer         the gate answers, no other; each shield's probes are refused by it; what follows a refused upgrade is not
//                 heard; ordinary work passes
//   pass          nothing stands before this caller: told, not judged
import type { Endpoint } from '../model/common.ts';
import type { Verdict } from '../model/policy.ts';
import type { Check, CheckResult, Verification, VerifyPlan, VerifyProbe } from '../model/verification.ts';
import type { Kubeconfig } from '../platform/kubeconfig.ts';
import { endpointText, type Line, openLine, refusedBy, requestText, sourceTowards } from './verify-wire.ts';

type ServerPlan = VerifyPlan['servers'][number];
export type Judgement = { readonly verdict: Verdict; readonly rule: string };
export type Looking = {
  readonly plan: VerifyPlan;
  readonly config: Kubeconfig;
  /** What the policy says of a caller from there. */
  judge(source: string, server: string): Promise<Judgement>;
  /** Progress, a line for each server. */
  note(text: string): void;
};

/** A path that the gate refuses whatever the shields say, and that every server answers with an error: who is there? */
const marker = '/version/%2e%2e/portcullis-verify';

export async function runChecks({
  plan,
  config,
  judge,
  note,
}: Looking): Promise<Pick<Verification, 'from' | 'checks'>> {
  const from: Verification['from'] = [];
  const checks: Check[] = [];
  for (const server of plan.servers) {
    note(`looking at ${server.name}`);
    const add = (id: string, result: CheckResult, detail: string) =>
      checks.push({ id: `${server.name}/${id}`, result, detail: detail.slice(0, 1024) });
    let gate: Endpoint | undefined;
    for (const way of server.ways) {
      const source = await sourceTowards(way);
      if (source === undefined) {
        add(`way/${endpointText(way)}`, 'skipped', 'this machine has no route there');
        continue;
      }
      const judgement = await judge(source, server.name);
      if (!from.some((one) => one.server === server.name && one.source === source))
        from.push({ server: server.name, source, ...judgement });
      const [result, detail] = await lookAtWay(way, judgement, config);
      add(`way/${endpointText(way)}`, result, detail);
      if (judgement.verdict === 'steer' && result === 'pass') gate ??= way;
    }
    await checkShields(server, gate, config, add);
    if (gate) await checkWork(gate, config, add);
    else add('work', 'skipped', 'only callers that are steered through a gate are looked at');
  }
  for (const neighbour of plan.neighbours) checks.push(await lookBeside(neighbour));
  return { from, checks };
}

/** What routers say; hosts that refuse say ECONNREFUSED. */
const unreachable = /^E(NET|HOST)UNREACH$/;

async function lookAtWay(
  way: Endpoint,
  { verdict, rule }: Judgement,
  config: Kubeconfig,
): Promise<[CheckResult, string]> {
  const refusal = await refusedBy(way);
  if (verdict === 'deny' || verdict === 'drop') {
    if (refusal !== undefined) return ['pass', `refused (${refusal}), as ${rule} says`];
    return ['fail', `a connection can be opened, though ${rule} denies it`];
  }
  if (verdict === 'pass' && !(refusal !== undefined && unreachable.test(refusal)))
    return [
      'open',
      refusal === undefined ? `open, as ${rule} says` : `no answer (${refusal}), though ${rule} passes`,
    ];
  if (refusal !== undefined && unreachable.test(refusal))
    return ['skipped', `not reachable from here (${refusal}), which is the network's doing`];
  if (refusal !== undefined) return ['fail', `no answer (${refusal}), though ${rule} steers to the gate`];
  try {
    const line = await openLine(way, config, 'nobody');
    try {
      const answer = await line.ask(`GET ${marker} HTTP/1.1\r\nHost: verify\r\nConnection: close\r\n\r\n`);
      if (answer?.body.includes('[path-dot-segment]')) return ['pass', 'the gate answers'];
      return [
        'fail',
        `something else than the gate answers: ${answer ? `status ${answer.status}` : 'nothing that is HTTP'}`,
      ];
    } finally {
      line.close();
    }
  } catch (error) {
    return ['fail', `the TLS handshake failed: ${(error as Error).message}`];
  }
}

type Add = (id: string, result: CheckResult, detail: string) => void;

async function checkShields(
  server: ServerPlan,
  gate: Endpoint | undefined,
  config: Kubeconfig,
  add: Add,
): Promise<void> {
  for (const { shield, stage, mode, probes, upgrade } of server.shields) {
    if (stage === 'block') {
      add(`shield/${shield}`, 'skipped', 'it blocks: the ways above show it');
      continue;
    }
    if (mode !== 'enforce') {
      const stands = mode === 'shadow' ? 'it only looks (mode shadow)' : `its stage is ${stage}`;
      add(`shield/${shield}`, 'open', `${stands}: nothing is promised`);
      continue;
    }
    if (!gate) {
      add(
        `shield/${shield}`,
        'skipped',
        'no way from here leads to the gate: run this from where callers are steered',
      );
      continue;
    }
    if (upgrade) add(`shield/${shield}/upgrade`, ...(await checkUpgrade(gate, config)));
    for (const probe of probes)
      add(`shield/${shield}/${probe.rule}/${probe.test}`, ...(await checkProbe(gate, config, probe)));
    if (!upgrade && probes.length === 0) {
      add(
        `shield/${shield}`,
        'skipped',
        'its attacks can not be shown without credentials, answers or harm; its own tests show it',
      );
    }
  }
}

async function withLine<T>(
  at: Endpoint,
  config: Kubeconfig,
  as: 'caller' | 'nobody',
  use: (line: Line) => Promise<T>,
): Promise<T | string> {
  let line: Line;
  try {
    line = await openLine(at, config, as);
  } catch (error) {
    return `no connection: ${(error as Error).message}`;
  }
  try {
    return await use(line);
  } finally {
    line.close();
  }
}

async function checkProbe(
  gate: Endpoint,
  config: Kubeconfig,
  probe: VerifyProbe,
): Promise<[CheckResult, string]> {
  const seen = await withLine(gate, config, 'nobody', (line) =>
    line.ask(Buffer.from(probe.request, 'base64')),
  );
  if (typeof seen === 'string') return ['fail', seen];
  if (seen?.status !== probe.status || !seen.body.includes(JSON.stringify(probe.message).slice(1, -1))) {
    return ['fail', `not refused by the rule: ${seen ? `status ${seen.status}` : 'no answer'}`];
  }
  const verdict = /\(verdict ([0-9a-z-]{8,64})\)/.exec(seen.body)?.[1];
  return ['pass', verdict === undefined ? 'refused' : `refused (verdict ${verdict})`];
}

/**
 * The active check of CVE-2018-1002105, harmless: an exec without what it needs, of a pod that is not there, as nobody; and
 * behind it, on the same connection, a request for the version, which must not be answered.
 */
async function checkUpgrade(gate: Endpoint, config: Kubeconfig): Promise<[CheckResult, string]> {
  const target = '/api/v1/namespaces/portcullis-verify/pods/none/exec';
  const seen = await withLine(gate, config, 'nobody', async (line) => {
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cG9ydGN1bGxpcy12ZXJpZnk=\r\n';
    const first = await line.ask(`GET ${target} HTTP/1.1\r\nHost: verify\r\n${upgrade}\r\n`);
    if (!first || first.status === 101) return first;
    const second = await line.ask('GET /version HTTP/1.1\r\nHost: verify\r\n\r\n');
    return { status: first.status, second };
  });
  if (typeof seen === 'string') return ['fail', seen];
  if (!seen || !('second' in seen))
    return ['fail', `the upgrade was not refused: ${seen ? `status ${seen.status}` : 'no answer'}`];
  if (seen.second)
    return ['fail', `a request behind a refused upgrade (${seen.status}) was answered ${seen.second.status}`];
  return ['pass', `nothing behind a refused upgrade (${seen.status}) was answered`];
}

/** Ordinary reads with the caller's own credentials: an answer that is the server's own shows that the way is free. */
const work: readonly [id: string, target: string, more: string][] = [
  ['get', '/version', ''],
  ['discovery', '/apis', ''],
  ['list', '/api/v1/namespaces?limit=1', ''],
  ['watch', '/api/v1/namespaces?watch=true&timeoutSeconds=1', ''],
  [
    'exec, dry',
    '/api/v1/namespaces/default/pods/portcullis-verify-none/exec?command=true&stdout=true',
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cG9ydGN1bGxpcy12ZXJpZnk=\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n',
  ],
];

async function checkWork(gate: Endpoint, config: Kubeconfig, add: Add): Promise<void> {
  for (const [id, target, more] of work) {
    const seen = await withLine(gate, config, 'caller', (line) =>
      line.ask(requestText(target, config, more)),
    );
    if (typeof seen === 'string' || !seen) {
      add(`work/${id}`, 'fail', seen ?? 'no answer');
    } else if (seen.body.includes('(verdict ')) {
      add(`work/${id}`, 'fail', `the gate refused it: status ${seen.status}`);
    } else if (seen.status === 401) {
      add(`work/${id}`, 'fail', 'the server does not know who asks (401): is the identity carried through?');
    } else if (seen.status >= 500) {
      add(`work/${id}`, 'fail', `status ${seen.status}`);
    } else {
      const note = seen.status === 403 ? ', for want of rights: the server itself said so' : '';
      add(`work/${id}`, 'pass', `answered ${seen.status}${note}`);
    }
  }
}

async function lookBeside({ service, endpoint, guarded }: VerifyPlan['neighbours'][number]): Promise<Check> {
  const id = `beside/${service}/${endpointText(endpoint)}`;
  const refusal = await refusedBy(endpoint);
  if (refusal !== undefined) return { id, result: 'pass', detail: `not reachable from here (${refusal})` };
  if (guarded) return { id, result: 'fail', detail: 'reachable from here, though the policy protects it' };
  const kind = service.split('/')[0]?.replace('-read-only', '') ?? '';
  return { id, result: 'open', detail: `reachable from here; protect: [${kind}] in the inventory closes it` };
}
