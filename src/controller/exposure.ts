// Which server or other part has which flaw, since when, what stands before it, and what stays open all the same.
import { timestamp } from '../base/clock.ts';
import { hasNoEnd } from '../intel/match.ts';
import type { ExposedServer, ExposureAnswer } from '../model/api.ts';
import type { Severity } from '../model/common.ts';
import { looksAtRequests, type Shield } from '../model/shield.ts';
import { type Part, partsOf } from '../policy/parts.ts';
import { isInspectable } from '../policy/uninspected.ts';
import type { Core } from './core.ts';
import { coverOf } from './cover.ts';
import { gapOf, isByGateAlone } from './exposure-gap.ts';
import { createPartGaps } from './part-gaps.ts';
import { createStanding } from './shield-standing.ts';
import { isExposed, noServerState, pairKey } from './state.ts';

const order: readonly Severity[] = ['critical', 'major', 'minor', 'warning', 'info'];

/** Every flaw that a server or another part of the inventory's clusters has or may have, gravest first. */
export function buildExposure(core: Core): ExposureAnswer {
  const advisories = new Map(core.knowledge.advisories.map((advisory) => [advisory.id, advisory]));
  const shields = new Map(core.knowledge.shields.map((shield) => [shield.id, shield]));
  const inventory = core.inventory();
  const servers = inventory?.servers ?? [];
  const standing = createStanding(core);
  const parts = inventory ? partsOf(inventory) : [];
  const gaps = createPartGaps(core);
  const all = [
    ...servers.map((server) => ({
      name: server.name,
      cluster: server.cluster,
      component: 'kube-apiserver' as const,
      part: undefined,
      server,
      uninspected: !isInspectable(server) && server.identity?.uninspected === 'pass',
    })),
    ...parts.map((part) => ({ ...part, part, server: undefined, uninspected: false })),
  ];
  const exposures = all.flatMap(({ name, cluster, component, part, server, uninspected }) => {
    const { observation, exposedSince } = core.state.servers.get(name) ?? noServerState;
    return (observation?.exposures ?? [])
      .filter(({ status }) => isExposed(status))
      .map(({ advisory: id, status, reason }): ExposedServer => {
        const advisory = advisories.get(id);
        const shield = shields.get(id);
        const own = core.state.stages.get(pairKey(name, id))?.stage ?? 'observe';
        const stage = part && shield ? gaps.stage(part, shield) : own;
        const settings = shield && standing.settings(name, shield);
        const passes = stage === 'inspect' && uninspected;
        const rides = shield && server && isByGateAlone(shield) ? standing.rides(server, shield) : false;
        const cover =
          part && shield
            ? gaps.cover(part, shield)
            : coverOf({
                tier: shield?.tier,
                stage,
                mode: settings?.mode ?? 'off',
                byGate: shield !== undefined && isByGateAlone(shield),
                rides,
                kept: !passes,
              });
        const since = exposedSince[id];
        return {
          server: name,
          component,
          cluster,
          ...(part?.host === undefined ? {} : { host: part.host }),
          ...(observation?.source ? { source: observation.source } : {}),
          version: observation?.version ?? '',
          advisory: id,
          summary: advisory?.summary ?? shield?.title ?? '',
          severity: advisory?.severity ?? shield?.severity ?? 'major',
          ...(advisory?.cvss === undefined ? {} : { cvss: advisory.cvss }),
          status,
          reason,
          ...(since === undefined ? {} : { since: timestamp(since) }),
          ...(shield ? { stage } : {}),
          ...(settings ? { mode: settings.mode } : {}),
          ...(shield ? { tier: shield.tier } : {}),
          cover,
          ...(settings && settings.unset.length > 0 ? { unset: [...settings.unset] } : {}),
          ...(shield && cover === 'waits' ? { next: nextOf(shield, name, cluster, part) } : {}),
          ...(advisory && hasNoEnd(advisory) ? { unfixed: true as const } : {}),
          ...(passes || (part && shield && gaps.unenforced(part, shield))
            ? { unenforced: true as const }
            : {}),
          gap:
            part && shield
              ? gaps.gap(part, shield)
              : gapOf(shield, stage, settings, {
                  passes,
                  unfixed: advisory !== undefined && hasNoEnd(advisory),
                  rides,
                }),
        };
      });
  });
  function nextOf(
    shield: Shield,
    name: string,
    cluster: string,
    part: Part | undefined,
  ): ExposedServer['next'] {
    if (
      part &&
      shield.firstResponse.services &&
      core.state.stages.get(pairKey(name, shield.id))?.stage !== 'block'
    )
      return { at: name, stage: 'block' };
    const waiting = servers.find(
      (item) =>
        item.cluster === cluster && core.state.stages.get(pairKey(item.name, shield.id))?.stage !== 'inspect',
    );
    return {
      at: part ? (waiting?.name ?? name) : name,
      stage: looksAtRequests(shield) ? 'inspect' : 'block',
    };
  }
  exposures.sort(
    (a, b) =>
      order.indexOf(a.severity) - order.indexOf(b.severity) ||
      (b.cvss ?? 0) - (a.cvss ?? 0) ||
      a.advisory.localeCompare(b.advisory) ||
      a.server.localeCompare(b.server),
  );
  const known = (name: string) => core.state.servers.get(name)?.observation !== undefined;
  // Who asked for no kubelet is not told of every one.
  const kubelets = parts.filter(({ component }) => component === 'kubelet');
  const read = new Set(kubelets.filter(({ name }) => known(name)).map(({ cluster }) => cluster));
  const wanted = kubelets.filter(({ cluster }) => read.has(cluster));
  const unread = [...servers, ...wanted].map(({ name }) => name).filter((name) => !known(name));
  return { exposures, unread };
}
