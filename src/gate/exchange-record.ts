// One request from its head to its end, as the gate counts it.
import type { ExchangeIds, ExchangeWatch } from '../inspect/connection-types.ts';
import type { RequestInfo } from '../inspect/request-info.ts';

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
  /** 0: there was no answer. */
  status = 0;
  readonly info: RequestInfo;
  /** Of the request until it has ended. */
  readonly ids: ExchangeIds;
  /** A tunnel, a watch, a followed log: how long it takes says nothing about anybody's speed. */
  readonly streams: boolean;
  readonly upgrade: boolean;
  /** Monotonic milliseconds. */
  readonly since: number = performance.now();
  readonly #over: (record: ExchangeRecord) => void;
  #ended = false;

  constructor(info: RequestInfo, upgrade: boolean, ids: ExchangeIds, over: (record: ExchangeRecord) => void) {
    this.info = info;
    this.ids = ids;
    this.upgrade = upgrade;
    this.streams = upgrade || isStream(info);
    this.#over = over;
  }

  answered(status: number): void {
    this.status = status;
  }

  /** Safe to call again. */
  ended(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#over(this);
  }
}
