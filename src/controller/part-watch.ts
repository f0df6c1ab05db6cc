// What is known of a cluster's parts beside its API servers: versions that were read or declared become exposures and tags.
// A version that was read stays until another is; one that people declare counts only where none was read.
import { canonicalJson } from '../base/canonical-json.ts';
import { describeFailure, Failure } from '../base/failure.ts';
import { parseComponentVersion } from '../intel/component-version.ts';
import { exposureOf, tagsFor } from '../intel/match.ts';
import type { Advisory } from '../model/advisory.ts';
import type { NewEntry } from '../model/entry.ts';
import type { ImportChange } from '../model/import.ts';
import type { PartFact, PartSource } from '../model/part.ts';
import { partName } from '../policy/part-name.ts';
import { type Part, partsOf } from '../policy/parts.ts';
import type { Core } from './core.ts';
import type { Observation } from './state.ts';

export type PartWatch = {
  /**
   * Takes what a source says of a cluster's parts. Of the hosts and of the cluster that it speaks of, what the same source
   * said before and says no more is forgotten. Parts of hosts that the inventory lacks are passed over.
   * @throws Failure of the compiler, when policy doesn't compile with it; nothing is changed then
   */
  observe(cluster: string, facts: readonly PartFact[], source: PartSource): void;
  /** What observe would change, for people. */
  preview(cluster: string, facts: readonly PartFact[], source: PartSource): ImportChange[];
  /** Brings what the inventory declares up to date, and judges every version anew. */
  reassess(): void;
};

type Known = { readonly part: Part; readonly observation: Observation };
type Change = { readonly name: string; readonly entry: NewEntry; readonly former: Observation | undefined };

export function createPartWatch(core: Core): PartWatch {
  return {
    observe: (cluster, facts, source) => put(changes(cluster, facts, source)),
    preview: (cluster, facts, source) =>
      changes(cluster, facts, source).map(({ name, entry, former }): ImportChange => {
        const version = String(entry.data['version']);
        if (entry.data['forgotten']) return { object: name, change: 'removed', details: [] };
        const details = former ? [`version: ${former.version} → ${version}`] : [`version: ${version}`];
        return { object: name, change: former ? 'changed' : 'added', details };
      }),
    reassess,
  };

  function parts(): readonly Part[] {
    const inventory = core.inventory();
    return inventory ? partsOf(inventory) : [];
  }

  function changes(cluster: string, facts: readonly PartFact[], source: PartSource): Change[] {
    const there = new Map(parts().map((part) => [part.name, part]));
    const said = new Map<string, Known>();
    const places = new Set<string | undefined>();
    for (const fact of facts) {
      places.add(fact.host);
      const part = there.get(partName(fact.component, fact.host ?? cluster));
      if (part?.cluster !== cluster) continue;
      const observation = assess(core.knowledge.advisories, part, { ...fact, source });
      said.set(part.name, { part, observation });
    }
    const silent = [...there.values()].filter(
      ({ name, host, cluster: own }) =>
        own === cluster &&
        places.has(host) &&
        !said.has(name) &&
        core.state.servers.get(name)?.observation?.source === source,
    );
    return [
      ...[...said.values()].flatMap(({ part, observation }) => changed(part.name, observation)),
      ...silent.map(({ name }) => forgotten(name)),
    ];
  }

  function reassess(): void {
    const there = new Set<string>();
    const all = parts().flatMap((part): Change[] => {
      there.add(part.name);
      const former = core.state.servers.get(part.name)?.observation;
      const read = former && former.source !== 'declared' ? former : undefined;
      const version = read?.version ?? part.declared;
      if (version === undefined) return former ? [forgotten(part.name)] : [];
      const { os, endpoints } = read ?? { os: part.os, endpoints: undefined };
      const source = read?.source ?? 'declared';
      return attempt(part.name, () =>
        changed(part.name, assess(core.knowledge.advisories, part, { version, os, endpoints, source })),
      );
    });
    const gone = [...core.state.servers].flatMap(([name, { observation }]) =>
      observation?.source !== undefined && !there.has(name) ? [forgotten(name)] : [],
    );
    put([...all, ...gone]);
  }

  /** One version that can't be read is told of, and the others go on. */
  function attempt(name: string, make: () => Change[]): Change[] {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const why = describeFailure(error);
      if (core.state.servers.get(name)?.probeError !== why)
        core.record([{ kind: 'probe', actor: 'controller', subject: name, data: { ok: false, error: why } }]);
      return [];
    }
  }

  function changed(name: string, observation: Observation): Change[] {
    const former = core.state.servers.get(name)?.observation;
    if (former && canonicalJson(former) === canonicalJson(observation)) return [];
    return [
      {
        name,
        former,
        entry: { kind: 'tags', actor: 'controller', subject: name, data: entryOf(observation) },
      },
    ];
  }

  function forgotten(name: string): Change {
    const former = core.state.servers.get(name)?.observation;
    const data = { version: '', tags: [], exposures: [], forgotten: true };
    return { name, former, entry: { kind: 'tags', actor: 'controller', subject: name, data } };
  }

  function put(all: readonly Change[]): void {
    if (all.length > 0) core.decide(all.map(({ entry }) => entry));
  }
}

/** Without members that are not there, as JSON has it. */
function entryOf({
  source,
  cluster,
  os,
  endpoints,
  forgotten: _,
  buildDate: __,
  gates: ___,
  ...rest
}: Observation): NewEntry['data'] {
  return {
    ...rest,
    ...(source ? { source } : {}),
    ...(cluster ? { cluster } : {}),
    ...(os ? { os } : {}),
    ...(endpoints ? { endpoints } : {}),
  };
}

/** Components whose version is that of a Kubernetes release. */
const ofKubernetes = /^kube/;

type Said = Pick<PartFact, 'version' | 'os' | 'endpoints'> | { version: string; os: string | undefined };

/** @throws Failure `bad-version` */
function assess(
  advisories: readonly Advisory[],
  { component, cluster }: Pick<Part, 'component' | 'cluster'>,
  said: Said & { readonly source: PartSource; readonly endpoints?: PartFact['endpoints'] },
): Observation {
  const version = parseComponentVersion(component, said.version);
  const exposures = advisories
    .map((advisory) => exposureOf(advisory, component, version, { os: said.os }))
    .filter(({ status }) => status !== 'not-applicable');
  const tags = tagsFor(version, exposures, advisories).filter(
    (tag) => ofKubernetes.test(component) || !tag.startsWith('k8s-version='),
  );
  const os = said.os === 'linux' || said.os === 'windows' ? said.os : undefined;
  return {
    version: said.version,
    tags,
    exposures,
    source: said.source,
    cluster,
    ...(os ? { os } : {}),
    ...(said.endpoints ? { endpoints: said.endpoints } : {}),
  };
}
