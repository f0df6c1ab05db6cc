// A connection's judge without a gate around it, and what a call costs: for benchmarks of rules and of both protocols.
import {
  type ConnectionSettings,
  type ConnectionSink,
  defaultConnectionLimits,
  defaultIdentityFields,
} from '../../src/inspect/connection-types.ts';
import type { RuleSet } from '../../src/inspect/rules.ts';

/** Does nothing with what the judge lets through. */
export const silentSink: ConnectionSink = {
  toServer() {},
  toClient() {},
  closeServer() {},
  endClient() {},
  abort() {},
  holdClient() {},
  finding() {},
  request() {},
  response() {},
};

export function developer(rules: RuleSet): ConnectionSettings {
  return {
    identity: { method: 'certificate', user: 'developer', groups: ['lab', 'team-a'] },
    identityFields: defaultIdentityFields,
    sourceAddress: '192.0.2.7',
    rules,
    limits: defaultConnectionLimits,
  };
}

/** Nanoseconds of CPU a call. */
export function spent(action: () => unknown, calls: number): number {
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call++) action();
  const { user, system } = process.cpuUsage(before);
  return Math.max(1, ((user + system) * 1_000) / calls);
}
