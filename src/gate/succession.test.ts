// A gate that gives way to a new process of itself, over real TLS on loopback.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ClientHttp2Session, ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { lockFolder } from '../platform/folder-lock.ts';
import { ask, type Http2Server, openSession, startHttp2Server } from './http2-test-kit.ts';
import { successorVariable } from './succession.ts';
import {
  answerOk,
  call,
  freePort,
  gatePlan,
  makeKeys,
  makeLink,
  removeKeys,
  type Seen,
  startGate,
  startServer,
} from './test-kit.ts';

const keys = await makeKeys();
after(() => removeKeys(keys));

const get = 'GET /api/v1/pods HTTP/1.1\r\nHost: kubernetes\r\n\r\n';
const watch = 'GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: kubernetes\r\n\r\n';

/** What the new process runs: a gate that inherits, with a plan of its own from a file. */
function newProcess(dataDir: string, plan: string, pidFile: string): ChildProcess {
  const module = (name: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, name)).href);
  const script = `
    import { kubeadmFiles } from ${module('identity-files.ts')};
    import { runGate } from ${module('run.ts')};
    import { inherit } from ${module('succession.ts')};
    const stop = new AbortController();
    process.once('SIGTERM', () => stop.abort());
    const inheritance = await inherit(process.env);
    await runGate({ name: 'cp-1', workers: 2, inheritance, writeLog() {},
      dataDir: ${JSON.stringify(dataDir)}, pidFile: ${JSON.stringify(pidFile)},
      plans: { from: 'file', path: ${JSON.stringify(plan)} },
      files: kubeadmFiles(${JSON.stringify(keys.folder)}) }, stop.signal);`;
  return spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { [successorVariable]: '1' } },
  );
}

type World = Awaited<ReturnType<typeof world>>;

/** @param http2 an HTTP/2 server to stand before, in place of one that speaks HTTP/1.1 */
async function world(
  drainSeconds: number,
  start: (files: { dataDir: string; pidFile: string }) => ChildProcess,
  http2?: Http2Server,
) {
  let feed: Seen | undefined;
  const server = await startServer(keys, (seen) => {
    if (!seen.text().includes('watch=true')) return answerOk(seen);
    feed = seen;
    seen.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  const link = makeLink();
  const { promise: asked, resolve: ready } = Promise.withResolvers<() => void>();
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  const dataDir = join(keys.folder, `data-of-${server.port}`);
  const pidFile = `${dataDir}.pid`;
  let child: ChildProcess | undefined;
  const gate = startGate(keys, link, {
    workers: 2,
    dataDir,
    pidFile,
    drainSeconds,
    succession: {
      asked: (callback) => ready(callback),
      start() {
        child = start({ dataDir, pidFile });
        return child;
      },
    },
    writeLog(line) {
      lines.push(line);
      for (const watcher of watchers) watcher();
    },
  });
  const port = await freePort();
  const receipt = await link.plan(gatePlan(1, [{ port, upstreamPort: http2?.port ?? server.port, limits }]));
  assert.equal(receipt.error, undefined);
  return {
    server,
    link,
    gate,
    port,
    dataDir,
    pidFile,
    succeed: await asked,
    child: () => child,
    /** Of the watch; an empty one is its end. */
    event: (text: string) => feed?.socket.write(`${text.length.toString(16)}\r\n${text}\r\n`),
    /** Rejects when a successor failed that was to come up. */
    said: (event: string) =>
      new Promise<void>((resolve, reject) => {
        const has = (one: string) => lines.some((line) => line.includes(`"event":"${one}"`));
        const look = () => {
          if (has(event)) resolve();
          else if (has('successor-failed')) reject(new Error(lines.join('\n')));
          else return;
          watchers.delete(look);
        };
        watchers.add(look);
        look();
      }),
  };
}

/** Whoever visits without a pause would be refused for that. */
const limits = { handshakesPerSource: 100_000 };

/** One new connection after the other, each with one request, until `until` settles. Answers how many; throws of any refused. */
async function visit({ port }: World, until: Promise<unknown>): Promise<number> {
  let over = false;
  let visits = 0;
  const ended = until.finally(() => {
    over = true;
  });
  ended.catch(() => {}); // told at the end
  while (!over) {
    const one = await call(keys, port, keys.user);
    one.send(get);
    await one.until('ok');
    one.socket.destroy();
    visits += 1;
  }
  await ended;
  return visits;
}

test('nobody is refused while a new process takes over; a watch lives on in the old one to its end', async () => {
  let port = 0;
  let upstreamPort = 0;
  const here = await world(600, ({ dataDir, pidFile }) => {
    const plan = `${dataDir}.plan.json`;
    writeFileSync(plan, JSON.stringify(gatePlan(2, [{ port, upstreamPort, limits }])));
    return newProcess(dataDir, plan, pidFile);
  });
  port = here.port;
  upstreamPort = here.server.port;
  try {
    const watcher = await call(keys, port, keys.user);
    watcher.send(watch);
    await watcher.until('chunked');
    assert.equal(readFileSync(here.pidFile, 'utf8').trim(), String(process.pid));
    const ended = new Promise<string>((resolve) => {
      watcher.socket.once('error', (error) => resolve(error.message));
      watcher.socket.once('end', () => resolve('in order'));
    });
    const before = visit(here, here.said('draining'));
    here.succeed();
    assert.ok((await before) > 0);
    here.event('still here');
    await watcher.until('still here');
    // The old workers are still there, and take no one in.
    const seen = here.server.connections.length;
    assert.ok((await visit(here, new Promise((resolve) => setImmediate(resolve)))) > 0);
    assert.ok(here.server.connections.length > seen);
    here.event('');
    assert.ok((await visit(here, here.gate.done)) > 0);
    assert.equal(await ended, 'in order');
    assert.ok((await visit(here, new Promise((resolve) => setImmediate(resolve)))) > 0);
    assert.throws(() => lockFolder(here.dataDir), { code: 'data-folder-in-use' });
    assert.equal(readFileSync(here.pidFile, 'utf8').trim(), String(here.child()?.pid));
  } finally {
    const child = here.child();
    if (child && child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await here.gate.stop();
    await here.server.close();
  }
});

test('callers over HTTP/2: the old process sends GOAWAY, answers what it was asked, and nobody is refused', async () => {
  const streams = new Map<string, ServerHttp2Stream>();
  const server = await startHttp2Server(keys, (stream, headers) => {
    const path = String(headers[':path']);
    if (path === '/hold' || path.includes('watch=true')) {
      streams.set(path, stream);
      if (path !== '/hold') stream.respond({ ':status': 200 });
      return;
    }
    stream.respond({ ':status': 200 });
    stream.end('ok');
  });
  let port = 0;
  const here = await world(
    600,
    ({ dataDir, pidFile }) => {
      const plan = `${dataDir}.plan.json`;
      writeFileSync(plan, JSON.stringify(gatePlan(2, [{ port, upstreamPort: server.port, limits }])));
      return newProcess(dataDir, plan, pidFile);
    },
    server,
  );
  port = here.port;
  const opened: ClientHttp2Session[] = [];
  const open = async () => {
    const session = await openSession(keys, port, keys.user);
    opened.push(session);
    return session;
  };
  /** One new connection after the other, each with two requests. */
  const visitByHttp2 = async (until: Promise<unknown>): Promise<number> => {
    let over = false;
    let visits = 0;
    const ended = until.finally(() => {
      over = true;
    });
    ended.catch(() => {}); // told at the end
    while (!over) {
      const session = await open();
      const answers = await Promise.all([ask(session, {}), ask(session, {})]);
      assert.deepEqual(
        answers.map(({ status, body }) => [status, body]),
        [
          [200, 'ok'],
          [200, 'ok'],
        ],
      );
      session.destroy();
      visits += 1;
    }
    await ended;
    return visits;
  };
  try {
    const busy = await open();
    const told = new Promise<number>((resolve) => busy.once('goaway', resolve));
    const ended = new Promise<string>((resolve) => {
      busy.socket.once('error', (error) => resolve(error.message));
      busy.socket.once('close', () => resolve('in order'));
    });
    const watcher = busy.request({ ':path': '/api/v1/pods?watch=true' });
    let events = '';
    watcher.on('error', () => {});
    watcher.on('data', (part: Buffer) => {
      events += part.toString();
    });
    await new Promise((resolve) => watcher.once('response', resolve));
    const held = ask(busy, { ':path': '/hold' });
    while (!streams.has('/hold')) await new Promise(setImmediate);
    const idle = await open();
    assert.equal((await ask(idle, {})).status, 200);
    const idleTold = new Promise<number>((resolve) => idle.once('goaway', resolve));

    const before = visitByHttp2(here.said('draining'));
    here.succeed();
    assert.ok((await before) > 0);
    assert.deepEqual([await told, await idleTold], [0, 0]);
    streams.get('/hold')?.respond({ ':status': 200 });
    streams.get('/hold')?.end('whole');
    const { status, body, code } = await held;
    assert.deepEqual([status, body, code], [200, 'whole', 0]);
    streams.get('/api/v1/pods?watch=true')?.write('still here');
    while (!events.includes('still here')) await new Promise((resolve) => watcher.once('data', resolve));
    assert.ok((await visitByHttp2(new Promise((resolve) => setImmediate(resolve)))) > 0);
    streams.get('/api/v1/pods?watch=true')?.end();
    assert.ok((await visitByHttp2(here.gate.done)) > 0);
    assert.equal(await ended, 'in order');
    assert.ok((await visitByHttp2(new Promise((resolve) => setImmediate(resolve)))) > 0);
  } finally {
    for (const session of opened) session.destroy();
    const child = here.child();
    if (child && child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await here.gate.stop();
    await here.server.close();
    await server.stop();
  }
});

test('a new process that does not come up leaves the old one in charge', async () => {
  const here = await world(0, () =>
    spawn(process.execPath, ['-e', 'process.exit(3)'], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }),
  );
  try {
    here.succeed();
    await here.said('successor-failed');
    assert.ok((await visit(here, new Promise((resolve) => setImmediate(resolve)))) > 0);
    const receipt = await here.link.plan(gatePlan(2, []));
    assert.equal(receipt.error, undefined);
  } finally {
    await here.gate.stop();
    await here.server.close();
  }
});
