// How a gate gives way to a new process of itself without refusing anybody: the new one gets the bound ports and the plan over
// a channel, puts the plan into force beside the old one, and says so; only then does the old one stop accepting and drain.
// Both hold the same sockets in the kernel, so no caller meets a closed port.
import type { ChildProcess, SendHandle } from 'node:child_process';
import { Failure } from '../base/failure.ts';
import { GatePlan } from '../model/plan.ts';
import { Incident } from '../model/record.ts';
import type { PortHandle } from './listening-sockets.ts';

/** Set in the environment of a process that is to succeed the one that started it. */
export const successorVariable = 'PORTCULLIS_SUCCEEDS';

type ToSuccessor =
  | { readonly tell: 'port'; readonly key: string }
  /** The last: every port came before it. Left out: there was no plan yet. */
  | { readonly tell: 'plan'; readonly plan?: GatePlan }
  /** The data folder and the metrics port are free. */
  | { readonly tell: 'yours' }
  /** Of a connection that still drains. */
  | { readonly tell: 'incident'; readonly incident: Incident };

/** A successor whose plan is in force. */
export type Successor = {
  /** The data folder is given up. */
  takeOver(): void;
  incident(incident: Incident): void;
  /** It goes on alone. */
  leave(): void;
};

const readyMs = 60_000;

/**
 * @param child as `succession.start` gives it
 * @throws Failure `successor-failed` when it ends, or takes longer than a minute: then nothing has changed
 */
export async function raiseSuccessor(
  child: ChildProcess,
  ports: ReadonlyMap<string, PortHandle>,
  plan: GatePlan | undefined,
): Promise<Successor> {
  const send = (message: ToSuccessor, port?: PortHandle) => {
    if (child.connected) child.send(message, port as unknown as SendHandle, () => {});
  };
  for (const [key, handle] of ports) send({ tell: 'port', key }, handle);
  send({ tell: 'plan', ...(plan ? { plan } : {}) });
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(
        new Failure('successor-failed', `the new process is not taken into use: ${why}`, {
          hint: 'this one goes on; the log of the new one says more',
        }),
      );
    };
    const timer = setTimeout(fail, readyMs, 'it was not ready in time');
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(`it ended with ${signal ?? `code ${code}`}`));
    child.once('message', () => {
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve();
    });
  });
  return {
    takeOver: () => send({ tell: 'yours' }),
    incident: (incident) => send({ tell: 'incident', incident }),
    leave() {
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}

/** What a successor starts with. */
export type Inheritance = {
  readonly ports: Map<string, PortHandle>;
  readonly plan: GatePlan | undefined;
  /** Says that the plan is in force; resolves when the predecessor has given up the data folder, or is gone. */
  takeOver(): Promise<void>;
  /** Incidents of connections that the predecessor still drains. */
  incidents(hear: (incident: Incident) => void): void;
};

/** Undefined in a process that succeeds nobody. @throws Failure `bad-plan` */
export async function inherit(environment: NodeJS.ProcessEnv): Promise<Inheritance | undefined> {
  if (environment[successorVariable] === undefined || !process.send) return undefined;
  delete environment[successorVariable];
  const ports = new Map<string, PortHandle>();
  const yours = Promise.withResolvers<void>();
  let hear: (incident: Incident) => void = () => {};
  process.once('disconnect', yours.resolve);
  const plan = await new Promise<GatePlan | undefined>((resolve, reject: (error: Failure) => void) => {
    process.on('message', (message: ToSuccessor, port?: PortHandle) => {
      if (message.tell === 'port' && port) ports.set(message.key, port);
      else if (message.tell === 'plan') {
        // Another version wrote it: what can't be read can't be enforced, so the predecessor must go on.
        const read = GatePlan.optional().safeParse(message.plan);
        if (read.success) resolve(read.data);
        else reject(new Failure('bad-plan', 'the plan of the process before can not be read'));
      } else if (message.tell === 'yours') yours.resolve();
      else if (message.tell === 'incident') {
        const read = Incident.safeParse(message.incident);
        if (read.success) hear(read.data);
      }
    });
  });
  return {
    ports,
    plan,
    takeOver() {
      process.send?.('ready');
      process.channel?.unref();
      return yours.promise;
    },
    incidents(listener) {
      hear = listener;
    },
  };
}
