// Applies the response plan until nothing more follows from what is known.
import { describeFailure, Failure } from '../base/failure.ts';
import type { Severity } from '../model/common.ts';
import type { NewEntry } from '../model/entry.ts';
import type { ApiServer, Inventory } from '../model/inventory.ts';
import { looksAtRequests, type Shield } from '../model/shield.ts';
import { parsePart } from '../policy/part-name.ts';
import { isInspectable } from '../policy/uninspected.ts';
import { carriedExposures } from './carried.ts';
import type { Core } from './core.ts';
import { nextStage, type Situation, wantsSafeProbe } from './response.ts';
import { createStanding } from './shield-standing.ts';
import { noServerState, pairKey, workerKey } from './state.ts';
import { freshMs, type Workers } from './workers.ts';

export type Reconciler = {
  /** Decides and logs every stage that follows from the present state. Never throws. */
  run(): void;
  /** Servers whose patch waits for its proof. */
  unproven(): readonly string[];
  /** What a server at `block` or `inspect` lacks for callers to be inspected, as clauses; empty when nothing. */
  lacks(server: string): readonly string[];
  /** Why a pair's next stage was refused by the compiler, by `pairKey`. */
  readonly refusals: ReadonlyMap<string, string>;
};

/** How long after a start a gate may take to report. */
const patienceMs = 3 * freshMs;

export function createReconciler(core: Core, workers: Workers): Reconciler {
  const refusals = new Map<string, string>();
  const started = core.clock.mono();
  return {
    refusals,
    run() {
      // Each pass moves a pair at most one stage, and no pair can pass through more than all four.
      for (let pass = 0; pass < 4; pass++) {
        const wanted = situations().flatMap(({ server, situation }) => {
          const next = nextStage(situation, core.policy().response);
          return next ? [{ server, situation, next }] : [];
        });
        if (wanted.length === 0) return;
        let moved = decideAll(wanted);
        for (const { server, situation, next } of moved ? [] : wanted) {
          const key = pairKey(server, situation.shield.id);
          try {
            core.decide([stageEntry(server, situation, next)]);
            refusals.delete(key);
            moved = true;
          } catch (error) {
            refuse(key, server, next.stage, describeFailure(error));
          }
        }
        if (!moved) return;
      }
    },
    lacks(name) {
      const server = core.inventory()?.servers.find((item) => item.name === name);
      if (!server) return [];
      return [
        ...(acknowledged('agent', server.host) ? [] : ['the agent has not applied its plan']),
        ...(gateReady(server) ? [] : ['the gate is not ready']),
      ];
    },
    unproven() {
      const response = core.policy().response;
      const names = situations()
        .filter(({ situation }) => wantsSafeProbe(situation, response))
        .map(({ server }) => server);
      return [...new Set(names)];
    },
  };

  /** Together where that compiles: a thousand kubelets are one change of plans. One that can't be is found one by one. */
  function decideAll(wanted: readonly Wanted[]): boolean {
    if (wanted.length === 1) return false;
    try {
      core.decide(wanted.map(({ server, situation, next }) => stageEntry(server, situation, next)));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return false;
    }
    for (const { server, situation } of wanted) refusals.delete(pairKey(server, situation.shield.id));
    return true;
  }

  /** A stage that can't be compiled is shown and logged once, and the others go on. */
  function refuse(key: string, server: string, stage: string, why: string): void {
    if (refusals.get(key) === why) return;
    refusals.set(key, why);
    core.record([
      {
        kind: 'health',
        actor: 'controller',
        subject: server,
        data: { ok: false, detail: `stage ${stage} was refused: ${why}` },
      },
    ]);
  }

  function situations(): { server: string; situation: Situation }[] {
    const inventory = core.inventory();
    if (!inventory) return [];
    return [...serverSituations(inventory), ...partSituations()];
  }

  /** Shields that close services, at the parts whose flaw they are for. */
  function partSituations(): { server: string; situation: Situation }[] {
    const { state, knowledge } = core;
    const standing = createStanding(core);
    return [...state.servers].flatMap(([name, server]) => {
      const part = server.observation?.source === undefined ? undefined : parsePart(name);
      if (!part) return [];
      const { component, kind, of } = part;
      return knowledge.shields
        .filter((shield) => shield.component === component && shield.firstResponse.services !== undefined)
        .map((shield) => ({
          server: name,
          situation: {
            shield,
            severity: severityOf(shield),
            server,
            exposure: server.observation?.exposures.find((item) => item.advisory === shield.id),
            stage: state.stages.get(pairKey(name, shield.id)),
            agentReady: kind === 'host' && acknowledged('agent', of),
            gateReady: false,
            gateLost: false,
            mode: standing.settings(name, shield).mode,
            onlyConnections: true,
          },
        }));
    });
  }

  function severityOf(shield: Shield): Severity {
    return core.knowledge.advisories.find((item) => item.id === shield.id)?.severity ?? shield.severity;
  }

  function serverSituations(inventory: Inventory): { server: string; situation: Situation }[] {
    const { state, knowledge } = core;
    const standing = createStanding(core);
    const carried = carriedExposures(state, knowledge.shields);
    return inventory.servers.flatMap((item) => {
      const { name, host, cluster } = item;
      const server = state.servers.get(name) ?? noServerState;
      const ready = {
        agentReady: acknowledged('agent', host),
        gateReady: gateReady(item),
        gateLost: gateLost(item),
      };
      const exposures = [...(server.observation?.exposures ?? []), ...(carried.get(cluster) ?? [])];
      return knowledge.shields.filter(looksAtRequests).map((shield) => ({
        server: name,
        situation: {
          shield,
          severity: severityOf(shield),
          server,
          exposure: exposures.find((item) => item.advisory === shield.id),
          stage: state.stages.get(pairKey(name, shield.id)),
          mode: standing.settings(name, shield).mode,
          ...ready,
        },
      }));
    });
  }

  function gateReady(server: ApiServer): boolean {
    if (!isInspectable(server)) return false;
    const { host, gatePort } = server;
    const gate = workers.last('gate', host);
    return (
      gate?.fresh === true &&
      gate.report.ok &&
      gate.report.listening.includes(gatePort) &&
      gate.report.generation === core.state.plans.get(workerKey('gate', host))?.generation
    );
  }

  /** Not by the plan that it applies: a gate that is behind for a moment is well. Right after a start all are silent. */
  function gateLost({ host, gatePort }: ApiServer): boolean {
    const gate = workers.last('gate', host);
    if (!gate) return core.clock.mono() - started > patienceMs;
    return !gate.fresh || !gate.report.ok || !gate.report.listening.includes(gatePort);
  }

  function acknowledged(kind: 'agent' | 'gate', name: string): boolean {
    const receipt = core.state.receipts.get(workerKey(kind, name));
    const plan = core.state.plans.get(workerKey(kind, name));
    return receipt?.ok === true && receipt.generation === plan?.generation;
  }
}

type Wanted = {
  readonly server: string;
  readonly situation: Situation;
  readonly next: { readonly stage: string; readonly why: string };
};

function stageEntry(server: string, situation: Situation, next: { stage: string; why: string }): NewEntry {
  const version = situation.server.observation?.version;
  return {
    kind: 'stage',
    actor: 'controller',
    subject: server,
    data: {
      shield: situation.shield.id,
      from: situation.stage?.stage ?? 'observe',
      stage: next.stage,
      why: next.why,
      by: 'policy',
      ...(version === undefined ? {} : { version }),
    },
  };
}
