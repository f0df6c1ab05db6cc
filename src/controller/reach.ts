// Which servers a worker may speak of: those that its plans name.
import { Failure } from '../base/failure.ts';
import type { Core } from './core.ts';
import { workerKey } from './state.ts';

export type Reach = {
  /** @throws Failure `not-your-name` when no plan of the worker names the server */
  check(kind: 'agent' | 'gate', name: string, server: string): void;
};

/** Servers of earlier plans count, as long as the controller runs: a worker's last records come after its next plan. */
export function createReach(core: Core): Reach {
  const known = new Map<string, Set<string>>();
  const learn = (key: string) => {
    const servers = known.get(key) ?? new Set<string>();
    const plan = core.state.plans.get(key);
    for (const { server } of [...(plan?.services ?? []), ...(plan?.listeners ?? [])]) servers.add(server);
    known.set(key, servers);
  };
  for (const key of core.state.plans.keys()) learn(key);
  core.onChange((entries) => {
    for (const { kind, subject, data } of entries) {
      if (kind === 'plan') learn(workerKey(String(data['kind']), subject));
    }
  });
  return {
    check(kind, name, server) {
      const key = workerKey(kind, name);
      if (known.get(key)?.has(server)) return;
      throw new Failure('not-your-name', `no plan of ${key} names the server '${server}'`);
    },
  };
}
