// Which requests are turned away while the gate is overloaded.
import type { ConnectionSettings, Identity } from '../inspect/connection-types.ts';
import type { Limits } from '../model/limits.ts';
import type { Counters } from './counters.ts';
import { isHealthCheck } from './exchange-record.ts';
import { judgeLoad, type LoadMeter, retryAfterSeconds } from './load.ts';

/** All but health checks, of all but the cluster's own administrators: those are heard as long as anybody is. */
export function sheddingOf(
  identity: Identity,
  limits: Limits,
  { meter, counters }: { readonly meter: LoadMeter; readonly counters: Counters },
): Pick<ConnectionSettings, 'shed'> {
  if (identity.method === 'certificate' && identity.groups.includes('system:masters')) return {};
  return {
    shed(info) {
      if (judgeLoad(meter, limits) === 'fine' || isHealthCheck(info)) return undefined;
      counters.add('requests_shed_total');
      return retryAfterSeconds;
    },
  };
}
