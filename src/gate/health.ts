// Whether the gate's listeners reach their servers, and the reports of it to the controller.
import type { HealthReport } from '../model/api.ts';
import type { Fleet } from './fleet.ts';
import type { ListenerView } from './listener-view.ts';
import type { Upstream } from './upstream.ts';
import { checkVouching } from './vouching.ts';

export type HealthState = {
  readonly ok: boolean;
  readonly detail: string;
  /** Ports that accept connections, and whose server was verified and takes the gate's word for who is calling. */
  readonly listening: number[];
};

/** How long the server's word holds that it accepts the gate's: a handshake is asked for each time. */
const vouchedMs = 60_000;
/** Upstreams are made anew with their credentials. */
const vouched = new WeakMap<Upstream, number>();

/** Asks every listener's server for a handshake, and now and then whether it accepts the gate's credential. */
export async function checkHealth(fleet: Fleet, timeoutMs: number): Promise<HealthState> {
  const views = fleet.views();
  if (views.length === 0) return { ok: true, detail: 'no listener in the plan', listening: [] };
  const answers = await Promise.all(views.map((view) => check(view, timeoutMs)));
  const listening = views.flatMap((view, index) =>
    answers[index] === undefined ? [view.listener.listen.port] : [],
  );
  const troubles = views.flatMap((view, index) =>
    [answers[index], revocationTrouble(view, Date.now())].flatMap((trouble) =>
      trouble === undefined ? [] : [`${view.listener.server}: ${trouble}`],
    ),
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

async function check(view: ListenerView, timeoutMs: number): Promise<string | undefined> {
  // Asks for HTTP/2 as well: whether callers are offered it follows the server.
  const trouble = await view.upstream.probe(timeoutMs);
  if (trouble !== undefined) return trouble;
  const since = vouched.get(view.upstream);
  if (since !== undefined && performance.now() - since < vouchedMs) return undefined;
  const refused = await checkVouching(view, timeoutMs);
  if (refused === undefined) vouched.set(view.upstream, performance.now());
  return refused;
}

/** Callers with tokens are served all the same. `now` is milliseconds since the epoch. */
function revocationTrouble({ material }: ListenerView, now: number): string | undefined {
  const expires = material.clientCrl?.expires ?? Number.POSITIVE_INFINITY;
  if (now <= expires) return undefined;
  const since = new Date(expires).toISOString();
  return `the client revocation list is out of date since ${since}: client certificates are refused until its file (--client-crl) holds a new one`;
}
