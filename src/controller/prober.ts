// Reads what the servers are: versions become exposures and tags, and the proof of a patch is looked for where it is
// the one thing missing.
import { canonicalJson } from '../base/canonical-json.ts';
import { describeFailure, Failure } from '../base/failure.ts';
import { gatesThatMatter } from '../intel/conditions.ts';
import type { ApiServer } from '../model/inventory.ts';
import type { Core } from './core.ts';
import { readFeatureGates } from './feature-gates.ts';
import type { ReadVersion } from './knowledge.ts';
import type { PartWatch } from './part-watch.ts';
import type { Reconciler } from './reconcile.ts';
import { safeProbe } from './safe-probe.ts';
import { readVersion } from './server-link.ts';
import { noServerState } from './state.ts';

export type Prober = {
  /** Probes all servers, or the one named, from now on; resolves when what follows from the answers is decided. */
  probe(server?: string): Promise<void>;
  /** When a server was last probed, ms since the epoch. */
  probedAt(server: string): number | undefined;
  /** Judges versions read earlier anew: advisories may have changed since. */
  reassess(): void;
};

/** Servers probed at the same time. */
const width = 8;
const gatesHoldMs = 3_600_000;

export function createProber(
  core: Core,
  reconciler: Reconciler,
  parts: Pick<PartWatch, 'reassess'>,
  note: (line: string) => void,
  signal: AbortSignal,
): Prober {
  const times = new Map<string, number>();
  const running = new Map<string, Promise<void>>();
  const read = new Map<
    string,
    { readonly key: string; readonly at: number; readonly gates: ReadVersion['gates'] }
  >();

  return {
    async probe(name) {
      const servers = (core.inventory()?.servers ?? []).filter(
        (item) => name === undefined || item.name === name,
      );
      const queue = [...servers];
      const work = async () => {
        for (let server = queue.shift(); server && !signal.aborted; server = queue.shift()) {
          // An answer must be younger than the question: one that is under way is awaited, then asked again.
          const turn = (running.get(server.name) ?? Promise.resolve()).then(() =>
            once(server).catch((error: unknown) =>
              note(`defect in probing ${server.name}: ${error instanceof Error ? error.stack : error}`),
            ),
          );
          running.set(server.name, turn);
          await turn;
          if (running.get(server.name) === turn) running.delete(server.name);
        }
      };
      await Promise.all(Array.from({ length: width }, work));
    },
    probedAt: (name) => times.get(name),
    reassess() {
      reassessParts();
      for (const { name } of core.inventory()?.servers ?? []) {
        const known = core.state.servers.get(name)?.observation;
        if (!known) continue;
        const { version, buildDate, gates } = known;
        try {
          observe(name, { gitVersion: version, buildDate, gates });
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          failed(name, describeFailure(error));
        }
      }
      reconciler.run();
    },
  };

  /** What can't be compiled is told, and what was known stands. */
  function reassessParts(): void {
    try {
      parts.reassess();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      note(`the versions of other parts are not heeded: ${describeFailure(error)}`);
    }
  }

  async function once(server: ApiServer): Promise<void> {
    if (signal.aborted) return;
    try {
      const version = await readVersion(server, signal);
      if (signal.aborted || !stillThere(server)) return;
      times.set(server.name, core.clock.now());
      const gates = await gatesOf(server, version);
      if (signal.aborted || !stillThere(server)) return;
      observe(server.name, gates === undefined ? version : { ...version, gates });
      if (core.state.servers.get(server.name)?.probeError !== undefined)
        core.record([{ kind: 'probe', actor: 'controller', subject: server.name, data: { ok: true } }]);
      reconciler.run();
      if (reconciler.unproven().includes(server.name)) await prove(server, version.gitVersion);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (signal.aborted || !stillThere(server)) return;
      times.set(server.name, core.clock.now());
      failed(server.name, describeFailure(error));
    }
  }

  /** Asked for only where a flaw hangs on one, and once an hour: an answer may be large. */
  async function gatesOf(server: ApiServer, version: ReadVersion): Promise<ReadVersion['gates']> {
    const wanted = gatesThatMatter(core.knowledge.assess(version).exposures);
    if (wanted.length === 0) return undefined;
    const key = `${version.gitVersion} ${wanted.join(' ')}`;
    const former = read.get(server.name);
    const now = core.clock.now();
    if (former?.key === key && now - former.at < gatesHoldMs) return former.gates;
    const all = await readFeatureGates(server, signal);
    const found = wanted.flatMap((name): [string, boolean][] => {
      const on = all?.get(name);
      return on === undefined ? [] : [[name, on]];
    });
    const gates = found.length === 0 ? undefined : Object.fromEntries(found);
    read.set(server.name, { key, at: now, gates });
    return gates;
  }

  function failed(server: string, error: string): void {
    if (core.state.servers.get(server)?.probeError === error) return;
    core.record([{ kind: 'probe', actor: 'controller', subject: server, data: { ok: false, error } }]);
  }

  /**
   * Logs what a version means when that changed.
   * @throws Failure `bad-version`, or the compiler's when policy doesn't compile with the tags: the former ones stand
   */
  function observe(server: string, version: ReadVersion): void {
    const { exposures, tags } = core.knowledge.assess(version);
    const { gitVersion, buildDate, gates } = version;
    const data = {
      version: gitVersion,
      tags: [...tags],
      exposures: [...exposures],
      ...(buildDate === undefined ? {} : { buildDate }),
      ...(gates === undefined ? {} : { gates }),
    };
    const former = core.state.servers.get(server)?.observation;
    if (former && canonicalJson(former) === canonicalJson(data)) return;
    core.decide([{ kind: 'tags', actor: 'controller', subject: server, data }]);
  }

  async function prove(server: ApiServer, version: string): Promise<void> {
    const { result, detail } = await safeProbe(server, signal);
    if (signal.aborted || !stillThere(server)) return;
    const former = (core.state.servers.get(server.name) ?? noServerState).safeProbe;
    if (former?.version !== version || former.result !== result || former.detail !== detail) {
      core.record([
        { kind: 'safe-probe', actor: 'controller', subject: server.name, data: { version, result, detail } },
      ]);
    }
    reconciler.run();
  }

  function stillThere(server: ApiServer): boolean {
    return core.inventory()?.servers.some((item) => item.name === server.name) ?? false;
  }
}
