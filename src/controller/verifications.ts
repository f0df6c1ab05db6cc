// Verifications: what there is to check of a cluster, and the reports that were kept.
import { X509Certificate } from 'node:crypto';
import { canonicalJson } from '../base/canonical-json.ts';
import { Failure } from '../base/failure.ts';
import { sha256 } from '../log/chain.ts';
import type { Status } from '../model/api.ts';
import type { Endpoint } from '../model/common.ts';
import type { GateListener, GatePlan } from '../model/plan.ts';
import {
  type CheckResult,
  SignedVerification,
  type VerificationList,
  type VerifyPlan,
} from '../model/verification.ts';
import { fingerprint } from '../platform/pki.ts';
import { isSigned } from '../platform/report-signature.ts';
import { probesOf } from '../shields/probes.ts';
import type { Core } from './core.ts';
import type { Caller } from './http-server.ts';
import { noServerState, pairKey } from './state.ts';

/** Ports of a cluster's hosts by which an API server can be gone around, with the service that an inventory protects. */
const neighbourPorts: readonly [kind: string, port: number][] = [
  ['kubelet', 10250],
  ['kubelet-read-only', 10255],
  ['etcd', 2379],
  ['components', 10257],
];

/** The last report of each cluster, in short. */
export function lastVerifications(core: Core): Status['verifications'] {
  const last = new Map(core.state.verifications.map((report) => [report.cluster, report]));
  return [...last.values()].map(({ cluster, document, at, results }) => ({
    cluster,
    id: idOf(document),
    at,
    failed: results.fail ?? 0,
  }));
}

/** @throws Failure `no-inventory`, `unknown-cluster` */
export function verifyPlan(core: Core, cluster: string): VerifyPlan {
  const inventory = core.inventory();
  if (!inventory) throw new Failure('no-inventory', 'there is no inventory yet');
  if (!inventory.clusters.some(({ name }) => name === cluster)) {
    const known = inventory.clusters.map(({ name }) => name).join(', ');
    throw new Failure('unknown-cluster', `there is no cluster '${cluster}' in the inventory`, {
      hint: `it has: ${known}`,
    });
  }
  const servers = inventory.servers.filter((server) => server.cluster === cluster);
  return {
    cluster,
    servers: servers.map(({ name, host, address, port, also }) => {
      const gate = listenerOf(core, host, name);
      const version = core.state.servers.get(name)?.observation?.version;
      return {
        name,
        ...(version === undefined ? {} : { version }),
        ways: [{ address, port }, ...also],
        shields: core.knowledge.shields.flatMap((shield) => {
          const stage = core.state.stages.get(pairKey(name, shield.id))?.stage;
          const { exposedSince } = core.state.servers.get(name) ?? noServerState;
          if (stage === undefined && exposedSince[shield.id] === undefined) return [];
          const upgrade = shield.deeperDefense.rules.some(({ phase }) => phase === 'upgrade');
          const inForce = gate?.shields.find(({ id }) => id === shield.id);
          const probes = inForce ? [...probesOf(shield, inForce)] : [];
          const mode = inForce && { mode: inForce.mode ?? ('enforce' as const) };
          return [{ shield: shield.id, stage: stage ?? 'observe', ...mode, probes, upgrade }];
        }),
      };
    }),
    neighbours: inventory.hosts
      .filter((host) => host.cluster === cluster)
      .flatMap((host) => {
        const guarded = guardedOn(core, host.name);
        return neighbourPorts.flatMap(([kind, port]) =>
          host.addresses.map((address) => ({
            service: `${kind}/${host.name}`,
            endpoint: { address, port },
            guarded: guarded.has(key({ address, port })),
          })),
        );
      }),
  };
}

/** What the gate of a host has for a server. */
function listenerOf(core: Core, host: string, server: string): GateListener | undefined {
  const text = core.plan('gate', host)?.text();
  const plan = text === undefined ? undefined : (JSON.parse(text) as GatePlan);
  return plan?.listeners.find((listener) => listener.server === server);
}

const key = ({ address, port }: Endpoint): string => `${address} ${port}`;

/** What the plan of a host's agent protects. */
function guardedOn(core: Core, host: string): ReadonlySet<string> {
  const text = core.plan('agent', host)?.text();
  const plan =
    text === undefined ? undefined : (JSON.parse(text) as { services: { endpoints: Endpoint[] }[] });
  return new Set((plan?.services ?? []).flatMap(({ endpoints }) => endpoints.map(key)));
}

/**
 * Keeps a report that the caller has signed. @returns its id
 * @throws Failure `bad-report` when somebody else signed it, or it was changed since
 */
export function keepVerification(core: Core, signed: SignedVerification, caller: Caller): string {
  const { report, certificate } = signed;
  if (!isSigned(signed) || fingerprintOf(certificate) !== caller.certificate || report.by !== caller.name) {
    throw new Failure('bad-report', 'the report is not signed by the one who sends it', {
      hint: 'run portcullis verify anew, with the identity that it is to be kept under',
    });
  }
  const text = canonicalJson(signed);
  const data = { document: sha256(text), at: report.at, results: resultsOf(report.checks) };
  core.record(
    [{ kind: 'verification', actor: `user:${caller.name}`, subject: report.cluster, data }],
    [text],
  );
  return idOf(data.document);
}

function fingerprintOf(certificate: string): string {
  try {
    return fingerprint(new X509Certificate(certificate).toString());
  } catch {
    return '';
  }
}

function resultsOf(checks: readonly { readonly result: CheckResult }[]): Record<CheckResult, number> {
  const counts: Record<CheckResult, number> = { pass: 0, fail: 0, open: 0, skipped: 0 };
  for (const { result } of checks) counts[result] += 1;
  return counts;
}

/** Of all clusters, or of one; newest first. */
export function verifications(core: Core, cluster: string | undefined): VerificationList {
  const kept = core.state.verifications.filter((one) => cluster === undefined || one.cluster === cluster);
  return {
    verifications: kept.toReversed().map(({ document, ...rest }) => ({ id: idOf(document), ...rest })),
  };
}

/** @throws Failure `unknown-id` */
export function verification(core: Core, id: string): SignedVerification {
  const found = core.state.verifications.find(({ document }) => idOf(document) === id);
  const text = found && core.log.document(found.document);
  if (text === undefined) {
    throw new Failure('unknown-id', `no verification has the id '${id}'`, { hint: 'portcullis verify list' });
  }
  return SignedVerification.parse(JSON.parse(text));
}

/** Its document's hash, as far as people need it. */
const idOf = (document: string): string => document.slice(0, 12);
