// A worker as its parent has it: a process of its own, or, for tests and tools, the same code in this process behind the
// same messages.
import { type ChildProcess, type SendHandle, spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { PortHandle } from './listening-sockets.ts';
import type { UnixUser } from './privileges.ts';
import { createWorker } from './worker.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

export type WorkerLink = {
  /** The port stays with the sender too. */
  send(message: ToWorker, port?: PortHandle): void;
  /** Ends it now; what it has open is cut. */
  kill(): void;
  /** Resolves when it is gone, with why. */
  readonly gone: Promise<string>;
  readonly pid: number | undefined;
};

/** What it says, unread: it may be hostile. */
export type Hear = (message: unknown) => void;

export type StartWorker = (hear: Hear) => WorkerLink;

/** The program's own folder. */
const programFolder = join(import.meta.dirname, '..', '..');

/**
 * A process under Node's permission model: it may read the program's code and use the network; it may write no file,
 * start no process, load no native code. Its environment is empty. With `user` it becomes that user once its code is read,
 * which may lie where only root may look, and before it hears its first message.
 */
export function startWorkerProcess(user: UnixUser | undefined): StartWorker {
  return (hear) => {
    const code = ['src', 'node_modules', 'package.json'].map((name) => join(programFolder, name));
    // A folder may be a link: both of its names are read by.
    const readable = new Set([...code, ...code.map((path) => realpathSync(path))]);
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--permission',
        '--allow-net',
        ...[...readable].map((path) => `--allow-fs-read=${path}`),
        join(import.meta.dirname, 'worker-process.ts'),
        ...(user ? [`${user.uid}:${user.gid}`] : []),
      ],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], cwd: '/', env: {} },
    );
    child.on('message', hear);
    return {
      pid: child.pid,
      send(message, port) {
        // Lost on its way to a process that is dying: `gone` tells.
        if (child.connected) child.send(message, port as unknown as SendHandle, () => {});
      },
      kill: () => void child.kill('SIGKILL'),
      gone: goneOf(child),
    };
  };
}

function goneOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

/** In this process. Messages are copied and come later, as between processes. */
export const startWorkerInline: StartWorker = (hear) => {
  const { promise: gone, resolve } = Promise.withResolvers<string>();
  const outbox = {
    free: true,
    send: (message: FromWorker) => queueMicrotask(() => hear(copy(message))),
  };
  const worker = createWorker(outbox);
  return {
    pid: undefined,
    send: (message, port) => queueMicrotask(() => worker.receive(copy(message), port)),
    kill: () => void worker.destroy().then(() => resolve('ended')),
    gone,
  };
};

function copy<T>(message: T): T {
  return JSON.parse(JSON.stringify(message)) as T;
}
