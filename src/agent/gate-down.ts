// Gates of this host that are dead or hang: where the inventory says so (`failure.gateDown: open`), callers pass to the
// server meanwhile. Everywhere else they are refused, which is nobody's doing: nothing listens where they are steered.
import { connect } from 'node:tls';
import type { AgentPlan, ProtectedService } from '../model/plan.ts';

/** How often a gate is asked, and how long it may take to answer, ms. */
const lookMs = 1_000;
const answerMs = 2_000;
/** So many times in a row without an answer, and it is down; one answer, and it is back. */
const lostAfter = 3;

/** The plan with `pass` for `steer` in the services that these gates stand before. */
export function passing(plan: AgentPlan, down: ReadonlySet<number>): AgentPlan {
  const isDown = (service: ProtectedService) => opens(service) && down.has(service.gatePort ?? 0);
  if (!plan.services.some(isDown)) return plan;
  const services = plan.services.map((service): ProtectedService => {
    if (!isDown(service)) return service;
    const instead = (verdict: ProtectedService['default']) => (verdict === 'steer' ? 'pass' : verdict);
    return {
      ...service,
      default: instead(service.default),
      rules: service.rules.map((rule) => ({ ...rule, verdict: instead(rule.verdict) })),
    };
  });
  return { ...plan, services };
}

/** Gates of other hosts are theirs to watch. */
function opens({ gateDown, gateAddresses, gatePort }: ProtectedService): boolean {
  return gateDown === 'open' && gateAddresses === undefined && gatePort !== undefined;
}

function steers({ rules, default: last }: ProtectedService): boolean {
  return last === 'steer' || rules.some(({ verdict }) => verdict === 'steer');
}

export type GateWatchParts = {
  /** As the controller gave it. */
  readonly plan: () => AgentPlan | undefined;
  /** Ports of gates that are down now, when they are others than before. */
  readonly changed: (down: ReadonlySet<number>) => Promise<void>;
  readonly pause: (ms: number) => Promise<void>;
  /** Does anybody serve there? */
  readonly ask?: (port: number) => Promise<boolean>;
};

/** Runs until the signal is aborted. Asks nobody while no plan has a gate whose death opens anything. */
export async function watchGates(
  { plan, changed, pause, ask = askGate }: GateWatchParts,
  signal: AbortSignal,
): Promise<void> {
  const missed = new Map<number, number>();
  let down: ReadonlySet<number> = new Set();
  while (!signal.aborted) {
    const wanted = (plan()?.services ?? []).filter((service) => opens(service) && steers(service));
    const ports = [...new Set(wanted.map(({ gatePort }) => gatePort ?? 0))];
    const answers = await Promise.all(ports.map((port) => ask(port)));
    for (const port of missed.keys()) if (!ports.includes(port)) missed.delete(port);
    for (const [index, port] of ports.entries()) {
      missed.set(port, answers[index] ? 0 : (missed.get(port) ?? 0) + 1);
    }
    const next = new Set(ports.filter((port) => (missed.get(port) ?? 0) >= lostAfter));
    if (next.size !== down.size || [...next].some((port) => !down.has(port))) {
      down = next;
      await changed(down);
    }
    await pause(lookMs);
  }
}

/**
 * A handshake over loopback, whoever answers it; a gate that closes the connection is busy or names other servers, and
 * lives. A port that is bound and served by nobody takes the connection and says nothing.
 */
export function askGate(port: number, waitMs = answerMs): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    const done = (answered: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(done, waitMs, false);
    socket.once('secureConnect', () => done(true));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => done(!nobodyThere.has(code ?? '')));
    socket.once('close', () => done(true));
  });
}

const nobodyThere = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);
