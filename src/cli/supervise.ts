// Runs the services of `up` as processes of their own and starts them again when they die.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { describeFailure, Failure } from '../base/failure.ts';
import { errorDocument } from './error-document.ts';

export type Service = {
  readonly name: string;
  /** Arguments of this CLI. */
  readonly args: readonly string[];
};

export type Supervised = {
  /** Resolves when the service says that it serves (reportReady). */
  readonly ready: Promise<void>;
  /**
   * Rejects with the service's own Failure when it ends by itself before `keep`: what it was given is wrong, and
   * starting it again would not make it right. Never resolves.
   */
  readonly failed: Promise<never>;
  /** From now on the service is started again whenever it ends. */
  keep(): void;
  /** Resolves when it has ended for good, after the signal was aborted or it failed. */
  readonly ended: Promise<void>;
};

const firstBackoffMs = 200;
const lastBackoffMs = 5_000;
/** A service that ran this long was healthy: its next restart is quick again. */
const healthyMs = 10_000;
const stopMs = 8_000;

/** Tells the supervisor, if this process has one, that the service serves. */
export function reportReady(): void {
  process.send?.({ ready: true });
}

/**
 * Starts a service; when the signal aborts it is ended (SIGTERM, after 8 s SIGKILL). What it prints is passed on line by
 * line. It is in a process group of its own, so that Ctrl-C reaches the supervisor alone, and ends when the supervisor
 * is gone, however that went (main.ts).
 */
export function supervise(
  service: Service,
  note: (service: string, line: string) => void,
  signal: AbortSignal,
): Supervised {
  const ready = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // told to whoever awaits it
  let kept = false;

  async function run(): Promise<void> {
    let backoff = firstBackoffMs;
    while (!signal.aborted) {
      const started = performance.now();
      const child = start(service, note, ready.resolve);
      const stop = () => endChild(child.process);
      signal.addEventListener('abort', stop, { once: true });
      const [code, by] = (await once(child.process, 'close')) as [number | null, string | null];
      signal.removeEventListener('abort', stop);
      if (signal.aborted) return;
      const why = child.failure() ?? new Failure('service-ended', `it ended with ${by ?? `code ${code}`}`);
      if (!kept) return failed.reject(inService(service.name, why));
      if (performance.now() - started > healthyMs) backoff = firstBackoffMs;
      note(service.name, `${describeFailure(why)}; starting again in ${backoff} ms`);
      await delay(backoff, undefined, { signal }).catch(() => {});
      backoff = Math.min(backoff * 2, lastBackoffMs);
    }
  }

  return {
    ready: ready.promise,
    failed: failed.promise,
    keep() {
      kept = true;
    },
    ended: run(),
  };
}

function start(
  service: Service,
  note: (service: string, line: string) => void,
  onReady: () => void,
): { process: ChildProcess; failure(): Failure | undefined } {
  const argv = [...process.execArgv, process.argv[1] ?? '', ...service.args, '--json'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true });
  let failure: Failure | undefined;
  child.on('message', onReady);
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      failure = errorDocument.read(line) ?? failure;
    });
  }
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      // The sentence for people says what the document on stdout says.
      if (!line.startsWith('portcullis: ')) note(service.name, line);
    });
  }
  return { process: child, failure: () => failure };
}

function inService(name: string, { code, message, place, hint, cause }: Failure): Failure {
  return new Failure(code, place ? message : `${name}: ${message}`, {
    ...(place ? { place } : {}),
    ...(hint ? { hint } : {}),
    cause,
  });
}

function endChild(child: ChildProcess): void {
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), stopMs);
  child.once('close', () => clearTimeout(hard));
}
