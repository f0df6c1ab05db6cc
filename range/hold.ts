// Holds many connections open through whatever is in the way and tells when and how each was cut.
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { readText } from '../src/platform/files.ts';
import { dial } from './patience.ts';

export type HoldConfig = {
  readonly server: string;
  readonly port: number;
  /** TLS connections in all; the first `watches` of them watch pods in `lab`, the rest are idle. */
  readonly connections: number;
  readonly watches: number;
  readonly token?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
};

/** First line printed: all connections have been tried. */
export type HoldReady = {
  readonly event: 'ready';
  readonly opened: number;
  readonly failed: number;
  readonly ms: number;
};

/** Last line printed: everything was cut, or the holder was told to stop. Times are milliseconds since the epoch. */
export type HoldResult = {
  readonly event: 'done';
  readonly opened: number;
  readonly cut: number;
  /** Still open at the end, as far as this side can tell. */
  readonly alive: number;
  /** How the cut ones ended: reset, or an orderly end. */
  readonly byReset: number;
  readonly byEnd: number;
  readonly watchesCut: number;
  readonly firstCutAt: number | null;
  readonly lastCutAt: number | null;
  readonly watchEvents: number;
  readonly lastWatchEventAt: number | null;
};

/** Opens at once: enough to be quick, few enough for the listener's queue. */
const opening = 64;

/** Prints HoldReady, then HoldResult when all are cut or `stop` aborts. */
export async function runHold(
  config: HoldConfig,
  stop: AbortSignal,
  print: (line: unknown) => void,
): Promise<void> {
  const began = Date.now();
  const options: ConnectionOptions = {
    host: config.server,
    port: config.port,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...(config.certFile ? { cert: readText(config.certFile) } : {}),
    ...(config.keyFile ? { key: readText(config.keyFile) } : {}),
  };
  const cuts: { at: number; reset: boolean; watch: boolean }[] = [];
  const open = new Set<TLSSocket>();
  let watchEvents = 0;
  let lastWatchEventAt: number | null = null;
  let failed = 0;
  let ready = false;
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  stop.addEventListener('abort', () => finish());

  function hold(socket: TLSSocket, watch: boolean): void {
    open.add(socket);
    let reset = false;
    const cut = () => {
      if (!open.delete(socket)) return;
      cuts.push({ at: Date.now(), reset, watch });
      socket.destroy();
      if (ready && open.size === 0) finish();
    };
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      reset = cause.code === 'ECONNRESET';
      cut();
    });
    socket.on('end', cut);
    socket.on('close', cut);
    socket.on('data', () => {
      if (!watch) return;
      watchEvents += 1;
      lastWatchEventAt = Date.now();
    });
    if (watch) {
      const token = config.token ? `Authorization: Bearer ${config.token}\r\n` : '';
      socket.write(
        `GET /api/v1/namespaces/lab/pods?watch=true&resourceVersion=1 HTTP/1.1\r\nHost: ${config.server}\r\n${token}\r\n`,
      );
    }
  }

  let next = 0;
  async function work(): Promise<void> {
    for (let index = next++; index < config.connections && !stop.aborted; index = next++) {
      const socket = await dial(options, 60_000).catch(() => undefined);
      if (socket) hold(socket, index < config.watches);
      else failed += 1;
    }
  }
  await Promise.all(Array.from({ length: opening }, work));
  const opened = open.size + cuts.length;
  ready = true;
  print({ event: 'ready', opened, failed, ms: Date.now() - began } satisfies HoldReady);
  if (open.size === 0) finish();
  await finished;

  const alive = open.size;
  const times = cuts.map(({ at }) => at);
  const result: HoldResult = {
    event: 'done',
    opened,
    cut: cuts.length,
    alive,
    byReset: cuts.filter(({ reset }) => reset).length,
    byEnd: cuts.filter(({ reset }) => !reset).length,
    watchesCut: cuts.filter(({ watch }) => watch).length,
    firstCutAt: times.length > 0 ? Math.min(...times) : null,
    lastCutAt: times.length > 0 ? Math.max(...times) : null,
    watchEvents,
    lastWatchEventAt,
  };
  print(result);
  for (const socket of open) socket.destroy();
}
