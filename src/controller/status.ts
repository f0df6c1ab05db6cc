// The status that GET /v1/status answers with: state and the workers' last words, put together for people.
import { timestamp } from '../base/clock.ts';
import type { SessionCounts } from '../log/sessions.ts';
import type { ServerStatus, Status, WorkerStatus } from '../model/api.ts';
import type { ApiServer } from '../model/inventory.ts';
import type { Tag } from '../model/tag.ts';
import { matches, parseExpression } from '../policy/expression.ts';
import { serverTags } from '../policy/tags.ts';
import { inspectionGap, isInspectable } from '../policy/uninspected.ts';
import { uncoveredWays } from '../policy/ways-in.ts';
import type { Authority } from './authority.ts';
import type { BundleWatch } from './bundle-watch.ts';
import { bundleStatus } from './bundles.ts';
import type { Core } from './core.ts';
import { coverOf } from './cover.ts';
import { type Asking, endingIdentities } from './ending-identities.ts';
import { isByGateAlone } from './exposure-gap.ts';
import { kubectlUse } from './kubectl-use.ts';
import { generationOf } from './lifecycle-state.ts';
import type { NameWatch } from './name-watch.ts';
import { partStatuses } from './part-status.ts';
import type { Prober } from './prober.ts';
import type { Reconciler } from './reconcile.ts';
import { createStanding } from './shield-standing.ts';
import { isExposed, noServerState, pairKey, type ServerState, splitWorkerKey, workerKey } from './state.ts';
import { lastVerifications } from './verifications.ts';
import type { Workers } from './workers.ts';

export type StatusSources = {
  readonly core: Core;
  readonly workers: Workers;
  readonly prober: Prober;
  readonly nameWatch: NameWatch;
  readonly bundleWatch: BundleWatch;
  readonly reconciler: Reconciler;
  readonly sessions: { counts(): SessionCounts };
  readonly authority: Pick<Authority, 'ends'>;
};

/** @param asking whom it is told */
export function buildStatus(
  { core, workers, prober, nameWatch, bundleWatch, reconciler, sessions, authority }: StatusSources,
  asking?: Asking,
): Status {
  const now = core.clock.now();
  const { state } = core;
  const inventory = core.inventory();
  const observed = new Map([...state.servers].map(([name, item]) => [name, item.observation?.tags ?? []]));
  const tags = inventory ? serverTags(inventory, observed) : new Map<string, Tag[]>();
  const standing = createStanding(core);
  const severities = new Map(core.knowledge.advisories.map(({ id, severity }) => [id, severity]));
  const exemptions = [...state.exemptions.values()];
  const inspectable = new Set((inventory?.servers ?? []).filter(isInspectable).map(({ name }) => name));
  const input = core.compileInput();
  const uncovered = input && uncoveredWays(input.inventory, new Set(input.enrolled));
  const servers = (inventory?.servers ?? []).map((server): ServerStatus => {
    const { observation, probeError } = state.servers.get(server.name) ?? noServerState;
    const probed = prober.probedAt(server.name);
    return {
      name: server.name,
      cluster: server.cluster,
      host: server.host,
      endpoint: { address: server.address, port: server.port },
      ...(observation ? { version: observation.version } : {}),
      ...(probed === undefined ? {} : { probedAt: timestamp(probed) }),
      ...(probeError === undefined ? {} : { probeError }),
      ...gapOf(server),
      uncovered: uncovered?.get(server.name) ?? [],
      tags: tags.get(server.name) ?? [],
      exposures: observation?.exposures ?? [],
      stages: stagesOf(server),
    };
  });
  function gapOf(server: ApiServer): Pick<ServerStatus, 'inspectionGap'> {
    const inspecting = core.knowledge.shields
      .filter((shield) => standing.settings(server.name, shield).mode === 'enforce')
      .map(({ id }) => id)
      .filter((id) => state.stages.get(pairKey(server.name, id))?.stage === 'inspect');
    const gap = inspectionGap(server, inspecting);
    return gap === undefined ? {} : { inspectionGap: gap };
  }
  const { seq, hash } = core.log.head();
  const { unconfirmed } = state.lifecycle;
  const workersNow = workerStatuses();
  return {
    at: timestamp(now),
    servers,
    parts: partStatuses(core),
    workers: workersNow,
    names: [...nameWatch.names()],
    ending: endingIdentities(core, authority.ends, asking),
    authorityEnds: timestamp(authority.ends),
    policy: {
      generation: generationOf(state.lifecycle),
      ...(unconfirmed ? { confirmBy: timestamp(unconfirmed.deadline) } : {}),
    },
    bundles: bundleStatus(core),
    ...bundleWatch.status(),
    kubectl: kubectlUse(workersNow, core.knowledge.advisories),
    verifications: lastVerifications(core),
    log: { entries: seq, head: hash },
    incidents: state.incidentCount,
    sessions: sessions.counts(),
  };

  /** Every pair that has a stage or is exposed, so that what nothing was done about shows too. */
  function stagesOf(item: ApiServer): ServerStatus['stages'] {
    const server = item.name;
    const known = state.servers.get(server) ?? noServerState;
    return core.knowledge.shields.flatMap((shield) => {
      const { id } = shield;
      const { mode, from, unset } = standing.settings(server, shield);
      const rides = standing.rides(item, shield);
      const stage = state.stages.get(pairKey(server, id));
      const exposed = known.exposedSince[id];
      const since = stage?.since ?? exposed;
      if (since === undefined) return [];
      const current = stage?.stage ?? 'observe';
      const refusal = reconciler.refusals.get(pairKey(server, id));
      const proof =
        known.safeProbe?.version === known.observation?.version && current !== 'lifted'
          ? known.safeProbe?.detail
          : undefined;
      // A server without a gate lacks more than a gate that is ready: its gap says so.
      const lacks = inspectable.has(server) ? reconciler.lacks(server) : [];
      const troubles = [
        ...(current === 'inspect' ? lacks.map((item) => `callers may be refused: ${item}`) : []),
        ...(current === 'block' && stage?.by === 'policy'
          ? lacks.map((item) => `not inspecting yet: ${item}`)
          : []),
        ...(refusal === undefined ? [] : [`next stage refused: ${refusal}`]),
      ];
      const clauses = [
        stage?.why ?? 'exposed; the policy leaves the response to people',
        ...(proof === undefined ? [] : [`safe probe: ${proof}`]),
        ...troubles,
        ...(unset.length === 0 ? [] : [`rules are off until the policy sets ${unset.join(', ')}`]),
      ];
      return [
        {
          shield: id,
          tier: shield.tier,
          severity: severities.get(id) ?? shield.severity,
          exposed: isExposedTo(known, id),
          stage: current,
          since: timestamp(since),
          why: clauses.join('; '),
          mode,
          modeFrom: from,
          cover: coverOf({
            tier: shield.tier,
            stage: current,
            mode,
            byGate: isByGateAlone(shield),
            rides,
            kept: inspectable.has(server) || item.identity?.uninspected !== 'pass',
          }),
          troubles,
          rides,
          unset: [...unset],
          exemptions: exemptionsOf(server, id),
          seconds: {
            ...stage?.seconds,
            [current]: (stage?.seconds[current] ?? 0) + Math.max(0, now - since) / 1000,
          },
        },
      ];
    });
  }

  function exemptionsOf(server: string, shield: string): string[] {
    return exemptions
      .filter(
        (one) =>
          one.shield === shield &&
          (one.servers === undefined || matches(parseExpression(one.servers), tags.get(server) ?? [])),
      )
      .map(({ id }) => id)
      .sort();
  }

  /** Every worker that has a plan or was enrolled, heard of or not. */
  function workerStatuses(): WorkerStatus[] {
    const keys = new Set([...state.plans.keys(), ...state.identities.keys()]);
    return [...keys].sort().flatMap((key): WorkerStatus[] => {
      const { role: kind, name } = splitWorkerKey(key);
      if (kind !== 'agent' && kind !== 'gate') return [];
      const last = workers.last(kind, name);
      const wanted = state.plans.get(workerKey(kind, name))?.generation ?? 0;
      const receipt = state.receipts.get(workerKey(kind, name));
      const identity = state.identities.get(key);
      return [
        {
          kind,
          name,
          ok: last?.fresh === true && last.report.ok && (receipt?.ok ?? true),
          detail: !identity
            ? 'not enrolled'
            : !last
              ? 'not heard of since the controller started'
              : !last.fresh
                ? `silent since ${timestamp(last.at)}`
                : receipt && !receipt.ok
                  ? `plan ${receipt.generation} was not applied: ${receipt.error ?? 'no reason given'}`
                  : last.report.detail,
          ...(last ? { seenAt: timestamp(last.at) } : {}),
          wanted,
          applied: last?.report.generation ?? (receipt?.ok ? receipt.generation : 0),
          counters: last?.report.counters ?? {},
          ...(identity ? { identityEnds: timestamp(identity.expires) } : {}),
        },
      ];
    });
  }
}

function isExposedTo({ observation }: ServerState, id: string): boolean {
  return (observation?.exposures ?? []).some(({ advisory, status }) => advisory === id && isExposed(status));
}
