// One end of real TCP connections, run inside a network namespace: a server, a caller, or both. Takes commands as JSON
// lines on standard input and answers each with a JSON line; ends with its input.
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

type Command = { readonly id: number } & (
  | { readonly do: 'listen'; readonly port: number; readonly host?: string }
  | { readonly do: 'close-listener'; readonly port: number }
  | { readonly do: 'open' }
  | { readonly do: 'ended'; readonly count: number; readonly timeoutMs?: number }
  | { readonly do: 'push'; readonly on: boolean }
  | {
      readonly do: 'connect';
      readonly from?: string;
      readonly fromPort?: number;
      readonly to: string;
      readonly port: number;
      readonly timeoutMs?: number;
    }
  | { readonly do: 'echo' | 'closed' | 'end'; readonly connection: number; readonly timeoutMs?: number }
);

const accepted = new Set<Socket>();
/** How accepted connections ended that nobody has asked about yet. */
let ended: string[] = [];
let onEnd = () => {};
const listeners = new Map<number, ReturnType<typeof createServer>>();
let pushing: ReturnType<typeof setInterval> | undefined;
const connections = new Map<number, { socket: Socket; closed: Promise<string> }>();

/** The first of an event and a timeout, as text. */
function within(ms: number, work: Promise<string>): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('timeout'), ms);
    void work.then((result) => {
      clearTimeout(timer);
      resolve(result);
    });
  });
}

function line(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const onData = (chunk: Buffer) => {
      text += chunk.toString();
      if (!text.endsWith('\n')) return;
      socket.off('data', onData);
      resolve(text.trim());
    };
    socket.on('data', onData);
  });
}

async function answer(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'listen': {
      const server = createServer((socket) => {
        accepted.add(socket);
        let why = 'end';
        socket.on('error', (error: NodeJS.ErrnoException) => {
          why = error.code ?? 'error';
        });
        socket.on('close', () => {
          accepted.delete(socket);
          ended.push(why);
          onEnd();
        });
        // What the server sees of its caller, so that tests can tell where a connection ended and from whom.
        socket.write(`${command.port} ${socket.remoteAddress?.replace('::ffff:', '')}\n`);
        socket.on('data', (chunk) => socket.write(chunk));
      });
      listeners.set(command.port, server);
      return new Promise((resolve, reject) => {
        server.on('error', reject);
        server.listen({ port: command.port, host: command.host ?? '::', backlog: 4096 }, () => resolve('ok'));
      });
    }
    case 'close-listener':
      listeners.get(command.port)?.close();
      return 'ok';
    case 'open':
      return accepted.size;
    case 'ended': {
      const enough = new Promise<string>((resolve) => {
        onEnd = () => ended.length >= command.count && resolve('enough');
        onEnd();
      });
      await within(command.timeoutMs ?? 60_000, enough);
      const told = ended;
      ended = [];
      return told;
    }
    case 'push':
      // As a watch does: the server talks, its callers only listen.
      clearInterval(pushing);
      if (command.on) {
        pushing = setInterval(() => {
          for (const socket of accepted) socket.write('event\n');
        }, 2);
      }
      return 'ok';
    case 'connect': {
      const { from, fromPort, to, port } = command;
      const socket = connect({
        host: to,
        port,
        ...(from === undefined ? {} : { localAddress: from }),
        ...(fromPort === undefined ? {} : { localPort: fromPort }),
      });
      socket.setNoDelay(true);
      const closed = new Promise<string>((resolve) => {
        let why = 'end';
        socket.on('error', (error: NodeJS.ErrnoException) => {
          why = error.code ?? 'error';
        });
        socket.on('close', () => resolve(why));
      });
      connections.set(command.id, { socket, closed });
      const result = await within(command.timeoutMs ?? 60_000, Promise.race([line(socket), closed]));
      if (result === 'timeout') socket.destroy();
      return result;
    }
    case 'echo':
    case 'closed':
    case 'end': {
      const connection = connections.get(command.connection);
      if (!connection) return 'no such connection';
      const { socket, closed } = connection;
      if (command.do === 'end') {
        socket.end();
        return within(command.timeoutMs ?? 60_000, closed);
      }
      if (command.do === 'closed') return within(command.timeoutMs ?? 60_000, closed);
      const back = line(socket);
      socket.write('hello\n');
      return within(command.timeoutMs ?? 60_000, Promise.race([back, closed]));
    }
  }
}

const input = createInterface({ input: process.stdin });
input.on('line', (text) => {
  const command = JSON.parse(text) as Command;
  answer(command).then(
    (result) => process.stdout.write(`${JSON.stringify({ id: command.id, result, at: Date.now() })}\n`),
    (error: Error) => process.stdout.write(`${JSON.stringify({ id: command.id, result: error.message })}\n`),
  );
});
input.on('close', () => process.exit());
