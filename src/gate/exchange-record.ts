// One request from its head to its end, as the gate counts it.
import type { ExchangeWatch } from '../inspect/connection-types.ts';
import type { RequestInfo } from '../inspect/request-info.ts';
import type { LoadMeter } from './load.ts';

/** Goes on until somebody ends it: a watch, a followed log. */
export function isStream(info: RequestInfo): boolean {
  return info.watch || (info.subresource === 'log' && /(?:^|&)follow=/.test(info.query));
}

/** What load balancers and kubelets ask: whether the server lives. */
export function isHealthCheck(info: RequestInfo): boolean {
  return /^\/(?:livez|readyz|healthz)(?:\/|$)/.test(info.path);
}

/** A class, for there is one a request: its methods are made once. */
export class ExchangeRecord implements ExchangeWatch {
  up = 0;
  down = 0;
  refusal: string | undefined = undefined;
  status = 0;
  readonly #load: LoadMeter;
  #open: boolean;

  constructor(load: LoadMeter, streams: boolean) {
    this.#load = load;
    this.#open = !streams;
    if (this.#open) load.openRequests += 1;
  }

  answered(status: number): void {
    this.status = status;
  }

  /** Safe to call again. */
  ended(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#load.openRequests -= 1;
  }
}
