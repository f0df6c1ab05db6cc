// One end of a wire: `serve PORT [COUNT]` (says when so many connections have ended), `short PORT FROM SECONDS` (one
// connection after another, 16 at a time) and `hold PORT TO COUNT` (opens them, says so, and says when the last one was ended).
// Ends with its input.
import { connect, createServer } from 'node:net';

const [what, port = '0', address = '', amount = '0'] = process.argv.slice(2);
const say = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);
process.stdin.on('end', () => process.exit());
process.stdin.resume();

if (what === 'serve') {
  let left = Number(address);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => {
      left -= 1;
      if (left === 0) say({ lastAt: Date.now() });
    });
    socket.on('data', (chunk) => socket.end(chunk));
  });
  server.listen({ port: Number(port), host: '::', backlog: 4096 }, () => say({ ok: true }));
}
if (what === 'short') {
  const until = performance.now() + Number(amount) * 1000;
  const began = performance.now();
  let count = 0;
  const one = () =>
    new Promise<void>((resolve) => {
      const socket = connect({ host: '10.0.0.1', port: Number(port), localAddress: address });
      socket.on('connect', () => socket.write('x'));
      socket.on('error', () => resolve());
      socket.on('data', () => {
        count += 1;
        // A reset frees the port at once: thousands a second would use up the range.
        socket.resetAndDestroy();
        resolve();
      });
    });
  const lane = async () => {
    while (performance.now() < until) await one();
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  say({ perSecond: (count * 1000) / (performance.now() - began) });
}
if (what === 'hold') {
  let open = 0;
  let left = Number(amount);
  const one = (i: number) =>
    new Promise<void>((resolve, reject) => {
      // Callers of their own for every few thousand connections.
      const localAddress = `10.1.${Math.floor(i / 2_000)}.1`;
      const socket = connect({ host: address, port: Number(port), localAddress });
      socket.on('connect', () => {
        open += 1;
        resolve();
      });
      socket.on('error', (error) => (socket.pending ? reject(error) : undefined));
      socket.on('close', () => {
        left -= 1;
        if (left === 0) say({ lastAt: Date.now() });
      });
    });
  for (let i = 0; i < Number(amount); i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => one(i + n)));
  }
  say({ open });
}
