// The range's API server in a process of its own, and a gate in front of it in this one: real TLS on both sides, on
// loopback, without namespaces or root.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import type { AuditLine } from '../../range/audit.ts';
import { type ClusterFiles, createClusterFiles } from '../../range/pki.ts';
import { type IdentityFiles, kubeadmFiles } from '../../src/gate/identity-files.ts';
import type { GateOptions } from '../../src/gate/run.ts';
import {
  call,
  freePort,
  gatePlan,
  type Keys,
  makeLink,
  type RawCaller,
  type RunningGate,
  startGate,
  type TestLink,
} from '../../src/gate/test-kit.ts';
import { ServerIdentity } from '../../src/model/identity.ts';
import type { GateShield } from '../../src/model/plan.ts';
import { writeWhole } from '../../src/platform/files.ts';
import { issue, type KeyPair, type Subject } from '../../src/platform/pki.ts';

export type Ground = {
  readonly folder: string;
  readonly files: ClusterFiles;
  readonly port: number;
  /** The cluster's CA, which signs callers. */
  readonly authority: KeyPair;
  pair(name: string): KeyPair;
  certificate(subject: Subject): Promise<KeyPair>;
  audit(): AuditLine[];
  stop(): Promise<void>;
};

/**
 * @param more `goawayChance`: share of HTTP/2 requests after which the server sends GOAWAY; `watchIntervalMs`: between a
 * watch's events
 */
export async function startGround(
  more: { readonly goawayChance?: number; readonly watchIntervalMs?: number } = {},
): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-identity-'));
  const port = await freePort();
  const files = await createClusterFiles({
    dir: folder,
    server: `https://127.0.0.1:${port}`,
    names: ['kubernetes', 'localhost', '127.0.0.1'],
    kubeletNames: ['node'],
    aggregatedNames: ['metrics-server.kube-system.svc'],
  });
  const auditLog = join(folder, 'audit.log');
  const config = {
    version: 'v1.12.3',
    port,
    pki: files.pki,
    tokensFile: files.tokens,
    auditLog,
    addresses: { controlPlane: '127.0.0.1', node: '127.0.0.1', service: '127.0.0.1' },
    kubeletPort: 1,
    metricsPort: 1,
    watchIntervalMs: 1000,
    ...more,
  };
  const main = join(import.meta.dirname, '../../range/main.ts');
  const child = spawn(process.execPath, [main, 'apiserver', '--json', JSON.stringify(config)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const pair = (name: string): KeyPair => ({
    certificate: readFileSync(join(files.pki, `${name}.crt`), 'utf8'),
    key: readFileSync(join(files.pki, `${name}.key`), 'utf8'),
  });
  const authority = pair('ca');
  return {
    folder,
    files,
    port,
    authority,
    pair,
    certificate: (subject) => issue(authority, { subject, use: ['client'], days: 1 }),
    audit: () =>
      existsSync(auditLog)
        ? readFileSync(auditLog, 'utf8')
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line) as AuditLine)
        : [],
    async stop() {
      const gone = once(child, 'exit');
      child.stdin.end();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Gated = {
  readonly gate: RunningGate;
  readonly link: TestLink;
  readonly port: number;
  readonly keys: Keys;
  /** One request over a connection of its own: what the server answered, and whom it took the caller for. */
  ask(as: Asking, lines?: readonly string[], path?: string): Promise<Asked>;
  call(as?: KeyPair): Promise<RawCaller>;
  stop(): Promise<void>;
};
export type Asking = { readonly certificate?: KeyPair; readonly token?: string };
export type Asked = { readonly status: number; readonly text: string; readonly line: AuditLine | undefined };

export const pods = '/api/v1/namespaces/lab/pods';
let marks = 0;

/** A gate in front of the ground's server whose plan says `identity`. */
export async function startGated(
  ground: Ground,
  identity: z.input<typeof ServerIdentity>,
  files: Partial<IdentityFiles> = {},
  more: Partial<GateOptions> = {},
  shields: readonly GateShield[] = [],
): Promise<Gated> {
  const link = makeLink();
  const keys: Keys = {
    folder: mkdtempSync(join(ground.folder, 'gate-')),
    authority: ground.authority,
    serving: ground.pair('apiserver'),
    user: ground.pair('developer'),
    write: (name, text) => writeWhole(join(ground.files.pki, name), text),
  };
  const gate = startGate(keys, link, { files: { ...kubeadmFiles(ground.files.pki), ...files }, ...more });
  const port = await freePort();
  const listener = {
    port,
    upstreamPort: ground.port,
    identity: ServerIdentity.parse(identity),
    shields: [...shields],
  };
  // A gate whose files are wrong ends by itself.
  const receipt = await Promise.race([link.plan(gatePlan(1, [listener])), gate.done]);
  if (!receipt) throw new Error('the gate ended');
  if (receipt.error) {
    await gate.stop();
    throw new Error(receipt.error);
  }
  const open = (as?: KeyPair) => call(keys, port, as, { ALPNProtocols: ['http/1.1'] });
  return {
    gate,
    link,
    port,
    keys,
    call: open,
    async ask({ certificate, token }, lines = [], path = pods) {
      const mark = `mark-${process.pid}-${marks++}`;
      const caller = await open(certificate);
      const bearer = token === undefined ? [] : [`Authorization: Bearer ${token}`];
      const head = [`GET ${path} HTTP/1.1`, 'Host: kubernetes', `User-Agent: ${mark}`, ...bearer, ...lines];
      caller.send(`${head.join('\r\n')}\r\nConnection: close\r\n\r\n`);
      const text = await caller.ended();
      caller.socket.destroy();
      return {
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0),
        text,
        // The line is written before the answer.
        line: ground.audit().find(({ userAgent }) => userAgent === mark),
      };
    },
    stop: () => gate.stop(),
  };
}
