// Whether the gate's listeners reach their servers, and the reports of it to the controller.
import type { HealthReport } from '../model/api.ts';
import type { Fleet } from './fleet.ts';
import type { ListenerView } from './listener.ts';

export type HealthState = {
  readonly ok: boolean;
  readonly detail: string;
  /** Ports that accept connections and whose server answered a TLS handshake and was verified. */
  readonly listening: number[];
};

/** Asks every listener's server for a handshake, without any credential of the gate's. */
export async function checkHealth(fleet: Fleet, timeoutMs: number): Promise<HealthState> {
  const views = fleet.views();
  if (views.length === 0) return { ok: true, detail: 'no listener in the plan', listening: [] };
  const answers = await Promise.all(views.map((view) => reach(view, timeoutMs)));
  const listening = views.flatMap((view, index) =>
    answers[index] === undefined ? [view.listener.listen.port] : [],
  );
  const troubles = views.flatMap((view, index) =>
    answers[index] === undefined ? [] : [`${view.listener.server}: ${answers[index]}`],
  );
  return {
    ok: troubles.length === 0,
    detail: troubles.length === 0 ? `${listening.length} listening` : troubles.join('; '),
    listening,
  };
}

export function healthReport(
  name: string,
  generation: number,
  state: HealthState,
  counters: Record<string, number>,
): HealthReport {
  return { kind: 'gate', name, generation, ...state, counters };
}

/** Undefined when reached, else why not. */
function reach(view: ListenerView, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = view.upstream.open('bare', () => {});
    const done = (why: string | undefined) => {
      clearTimeout(timer);
      resolve(why);
    };
    const timer = setTimeout(() => {
      socket.destroy();
      done('no TLS handshake in time');
    }, timeoutMs);
    socket.once('secureConnect', () => {
      done(undefined);
      // Ended in order: a server logs a handshake that breaks off.
      socket.end(() => setTimeout(() => socket.destroy(), 1_000).unref());
    });
    socket.on('end', () => socket.destroy());
    socket.on('error', (error) => done(error.message));
  });
}
